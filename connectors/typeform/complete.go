package typeform

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// conn is a connection that also knows what the forms ask.
type conn struct {
	*rest.Conn
	name string
	now  func() time.Time

	mu    sync.Mutex
	forms map[string]form
}

// formLife is how long a form that was read serves, formsMax how many are kept.
const (
	formLife = time.Hour
	formsMax = 1000
)

// form is what of a form says how its answers are meant.
type form struct {
	title  string
	scales map[string]string
	at     time.Time
}

// definition is a form as the vendor tells it, in answers and in webhook calls.
type definition struct {
	Title  string  `json:"title"`
	Fields []field `json:"fields"`
}

// field is one question, or a group of such.
type field struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	Properties struct {
		Steps      int     `json:"steps"`
		StartAtOne bool    `json:"start_at_one"`
		Fields     []field `json:"fields"`
	} `json:"properties"`
}

// Pull reads a page. Responses get the title of their form and the scales of their answers.
func (c *conn) Pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	p, err := c.Conn.Pull(ctx, stream, from)
	if err != nil || stream != streamResponses {
		return p, err
	}
	for i, rec := range p.Records {
		if rec.Deleted {
			continue
		}
		var of struct {
			Form string `json:"form_id"`
		}
		if json.Unmarshal(rec.Raw, &of) != nil || of.Form == "" {
			continue
		}
		f, err := c.form(ctx, of.Form)
		if err != nil {
			return connectors.Page{}, err
		}
		if p.Records[i].Raw, err = f.complete(rec.Raw); err != nil {
			return connectors.Page{}, canon.Errorf("page.shape", "response %s cannot be read: %w", rec.ID, err).
				WithHint("The vendor's API may have changed, or base_url leads elsewhere.")
		}
	}
	return p, nil
}

const streamResponses = "responses"

// form reads what a form asks. One that is gone asks nothing.
func (c *conn) form(ctx context.Context, id string) (form, error) {
	c.mu.Lock()
	f, ok := c.forms[id]
	c.mu.Unlock()
	if now := c.now(); ok && now.Sub(f.at) < formLife && !now.Before(f.at) {
		return f, nil
	}
	a, err := c.Do(ctx, rest.Call{Method: "GET", Path: "/forms/" + url.PathEscape(id)})
	if err != nil && canon.CodeOf(err) != "not_found" {
		return form{}, err
	}
	var d definition
	if err == nil {
		if err := json.Unmarshal(a.Body, &d); err != nil {
			return form{}, canon.Errorf("page.shape", "form %s cannot be read: %w", id, err).
				WithHint("The vendor's API may have changed, or base_url leads elsewhere.")
		}
	}
	f = d.form()
	f.at = c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.forms) >= formsMax {
		clear(c.forms)
	}
	c.forms[id] = f
	return f, nil
}

func (d definition) form() form {
	f := form{title: d.Title, scales: map[string]string{}}
	f.take(d.Fields, 0)
	return f
}

// groupsMax is how deep groups of questions may stand in each other.
const groupsMax = 4

func (f form) take(fields []field, depth int) {
	for _, q := range fields {
		if s := q.scale(); s != "" {
			f.scales[q.ID] = s
		}
		if depth < groupsMax {
			f.take(q.Properties.Fields, depth+1)
		}
	}
}

// scale is the least and the greatest answer, as in 0-10, "" where the question has no scale or does not tell it.
func (q field) scale() string {
	least, steps := 1, q.Properties.Steps
	switch {
	case q.Type == "nps":
		return "0-10"
	case q.Type != "opinion_scale" && q.Type != "rating", steps < 2 || steps > 100:
		return ""
	case q.Type == "opinion_scale" && !q.Properties.StartAtOne:
		least = 0
	}
	return strconv.Itoa(least) + "-" + strconv.Itoa(least+steps-1)
}

// complete adds the form's title to a response, and the scale to each answer that has one.
func (f form) complete(raw json.RawMessage) (json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	if list := members["answers"]; len(list) > 0 && string(list) != "null" {
		var answers []map[string]json.RawMessage
		if err := json.Unmarshal(list, &answers); err != nil {
			return nil, err
		}
		for _, a := range answers {
			var q field
			if json.Unmarshal(a["field"], &q) != nil || a == nil {
				continue
			}
			s := f.scales[q.ID]
			if q.Type == "nps" {
				s = q.scale()
			}
			if s != "" {
				a["scale"] = json.RawMessage(strconv.Quote(s))
			}
		}
		b, err := json.Marshal(answers)
		if err != nil {
			return nil, err
		}
		members["answers"] = b
	}
	if f.title != "" {
		b, err := json.Marshal(f.title)
		if err != nil {
			return nil, err
		}
		members["form_title"] = b
	}
	return json.Marshal(members)
}
