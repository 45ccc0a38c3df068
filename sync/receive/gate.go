package receive

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"crypto/sha256"
	"crypto/subtle"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// Prefix is where the calls of all connections begin.
const Prefix = "/hooks/"

// maxBody is the longest body where a door says nothing else.
const maxBody = 1 << 20

// bodyWait is how long a caller may take to send its body.
const bodyWait = 20 * time.Second

// Knock is a call as it arrived. URL is the address as the vendor knows it.
type Knock struct {
	Method, URL string
	Header      http.Header
	Body        []byte
	At          time.Time
}

// Guard decides who may come in. It knows how the vendor signs.
type Guard interface {
	// Verify returns nil for a call of the vendor's. Its errors are canon.Errors: hook.secret and hook.scheme for
	// a connection that is not configured rightly, all others for a call that is refused.
	Verify(k Knock) error
	// Key names the call, such that the same call made again has the same name.
	Key(k Knock) string
	// Ping says that the call only tries whether somebody answers.
	Ping(k Knock) bool
	// Redact returns the call without credentials.
	Redact(c connectors.Call) connectors.Call
}

// Door says how the calls of one connection are let in and answered.
type Door struct {
	Guard Guard
	// Secret is a part of the path behind the connection's name that nobody can guess, "" for none.
	Secret string
	// PublicURL is the address of the hub as vendors know it, "https://hub.example.com". What a request says of
	// its host is never trusted.
	PublicURL string
	// Status, ContentType and Body answer a call that was kept; 0 means 200.
	Status            int
	ContentType, Body string
	// Gunzip unpacks compressed bodies before anything else. Strict reads a call before it is answered, and
	// refuses what cannot be read.
	Gunzip, Strict bool
	// Origins are the web pages that may call from a browser; "*" for all.
	Origins []string
	// MaxBody is the longest body; 0 means 1 MiB.
	MaxBody int64
}

// ServeHTTP lets a vendor's call in: it is verified on the bytes as they came, kept, and only then answered.
func (d *Desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := d.Now().UTC()
	s, rest := d.find(r.URL)
	if s != nil {
		s.Door.cors(w, r)
	}
	switch r.Method {
	case http.MethodHead, http.MethodOptions:
		// Some vendors try an address before they use it. The answer is the same for all addresses.
		w.WriteHeader(http.StatusOK)
		return
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		w.Header().Set("Allow", "POST")
		refuse(w, http.StatusMethodNotAllowed, canon.Errorf("hook.method", "webhooks are posted"))
		return
	}
	if s == nil {
		refuse(w, http.StatusNotFound, canon.Errorf("hook.unknown", "nobody takes calls at this address"))
		return
	}
	body, err := s.Door.body(w, r)
	if err != nil {
		s.Door.refuse(w, statusOf(err), err)
		return
	}
	k := Knock{Method: r.Method, URL: strings.TrimSuffix(s.Door.PublicURL, "/") + r.URL.RequestURI(), Header: r.Header, Body: body, At: at}
	if err := d.admit(r, s, k, rest); err != nil {
		status := statusOf(err)
		switch {
		case !d.news(s.Connection, canon.CodeOf(err)):
		case status >= 500:
			d.Log.Error("a webhook call could not be taken; the vendor is asked to try again", "connection", s.Connection, "error", err, "hint", canon.AsError(err).Hint)
		default:
			d.Log.Warn("a webhook call was refused", "connection", s.Connection, "code", canon.CodeOf(err), "error", err, "hint", canon.AsError(err).Hint)
		}
		s.Door.refuse(w, status, err)
		return
	}
	s.Door.accept(w)
}

// admit verifies a call and keeps it.
func (d *Desk) admit(r *http.Request, s *Source, k Knock, rest string) error {
	if err := s.Door.Guard.Verify(k); err != nil {
		return err
	}
	if s.Door.Guard.Ping(k) {
		return nil
	}
	c := s.Door.Guard.Redact(connectors.Call{Method: k.Method, Path: rest, Query: r.URL.RawQuery, Header: k.Header, Body: k.Body, At: k.At})
	if s.Door.Strict {
		receiver, ok := s.Conn.(connectors.Receiver)
		if !ok {
			return canon.Errorf("hook.none", "connection %s takes no webhooks", s.Connection)
		}
		if _, err := read(receiver, c); err != nil {
			return err
		}
	}
	data, err := encode(c)
	if err != nil {
		return err
	}
	if err := d.Queue.Append(r.Context(), s.Connection, s.Door.Guard.Key(k), data); err != nil {
		if canon.CodeOf(err) == "hook.too_large" {
			return err
		}
		e := canon.Errorf("hook.not_kept", "the call could not be kept: %w", err).WithHint("check the NATS server and its disk")
		e.Retry = true
		return e
	}
	return nil
}

// find returns the connection that an address names, and what follows its name and secret. A wrong secret and a
// name that nobody has are the same.
func (d *Desk) find(u *url.URL) (*Source, string) {
	path, ok := strings.CutPrefix(u.Path, Prefix)
	if !ok {
		return nil, ""
	}
	name, rest, _ := strings.Cut(path, "/")
	s := d.sources[name]
	if s == nil {
		return nil, ""
	}
	if s.Door.Secret != "" {
		got, after, _ := strings.Cut(rest, "/")
		a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(s.Door.Secret))
		if subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
			return nil, ""
		}
		rest = after
	}
	if rest != "" {
		rest = "/" + rest
	}
	return s, rest
}

// body reads the whole body, and no more than the door lets through.
func (d *Door) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := d.MaxBody
	if limit <= 0 {
		limit = maxBody
	}
	// Not every writer can do this; the server's own limits then hold.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWait))
	var in io.Reader = http.MaxBytesReader(w, r.Body, limit)
	if d.Gunzip && strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, canon.Errorf("hook.gzip", "the body is not gzip: %w", err)
		}
		in = z
	}
	body, err := io.ReadAll(io.LimitReader(in, limit+1))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large) || int64(len(body)) > limit:
		return nil, canon.Errorf("hook.too_large", "the body is longer than %d bytes", limit)
	case err != nil && d.Gunzip && (errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader)):
		return nil, canon.Errorf("hook.gzip", "the body is not gzip: %w", err)
	case err != nil:
		return nil, canon.Errorf("hook.cut", "the body did not come whole: %w", err)
	}
	return body, nil
}

// statusOf is what a fault is answered with. A vendor tries again what is not its own fault.
func statusOf(err error) int {
	switch canon.CodeOf(err) {
	case "hook.unsigned", "hook.stale", "hook.signature", "hook.account":
		return http.StatusUnauthorized
	case "hook.secret", "hook.scheme", "hook.not_kept", "hook.none", "hook.fault", "internal":
		return http.StatusServiceUnavailable
	case "hook.too_large":
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

func (d *Door) accept(w http.ResponseWriter) {
	if d.ContentType != "" {
		w.Header().Set("Content-Type", d.ContentType)
	} else {
		// Without this the server would guess one.
		w.Header()["Content-Type"] = nil
	}
	if d.Status != 0 {
		w.WriteHeader(d.Status)
	}
	io.WriteString(w, d.Body)
}

// refuse tells what was wrong, where the vendor takes a body at all. The hint is for the log: it is the operator's.
func (d *Door) refuse(w http.ResponseWriter, status int, err error) {
	if d.Body == "" {
		w.Header()["Content-Type"] = nil
		w.WriteHeader(status)
		return
	}
	refuse(w, status, err)
}

func refuse(w http.ResponseWriter, status int, err error) {
	e := canon.AsError(err)
	message := e.Message
	if status >= 500 {
		message = "the call cannot be taken now; try again later"
	}
	doc, err := json.Marshal(map[string]any{"success": false, "code": e.Code, "message": message})
	if err != nil {
		doc = nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(doc)
}

// cors tells a browser whether the page that it shows may call.
func (d *Door) cors(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	if origin == "" || len(d.Origins) == 0 {
		return
	}
	w.Header().Add("Vary", "Origin")
	if !slices.Contains(d.Origins, "*") && !slices.Contains(d.Origins, origin) {
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	if r.Method == http.MethodOptions {
		w.Header().Set("Access-Control-Allow-Methods", "POST")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Content-Encoding")
		w.Header().Set("Access-Control-Max-Age", "86400")
	}
}
