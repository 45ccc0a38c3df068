package rest

import "github.com/lifecyclehub/hub/canon"

// Stream is one list of records.
type Stream struct {
	Name  string       `yaml:"name"`
	Title string       `yaml:"title"`
	Kinds []canon.Kind `yaml:"kinds"`
	// Push says that fields can be written back.
	Push bool `yaml:"push"`
	// ID is the path of the record's id.
	ID      string  `yaml:"id"`
	Version Version `yaml:"version"`
	// Deleted holds for tombstones among the records. Reason is the path of the vendor's word for why: what is
	// neither archived nor merged counts as deleted.
	Deleted *Condition `yaml:"deleted"`
	Reason  string     `yaml:"reason"`
	// Into is the path of the id of the record that this one became part of: where there is one, the record is
	// a tombstone.
	Into string `yaml:"into"`
	// Merged makes tombstones of the records that became part of this one.
	Merged *Merged `yaml:"merged"`
	// Shape is that of every feed and fetch that has none of its own.
	Shape `yaml:",inline"`
	// Partitions are what the stream is read for, one after the other, as ${part.NAME}.
	Partitions *Partitions `yaml:"partitions"`
	// Full reads everything. Changes reads what changed, in later rounds; without it every round is full.
	Full    Feed     `yaml:"full"`
	Changes *Changes `yaml:"changes"`
	// Delayed reads the window of changes a second time, later.
	Delayed *Delayed `yaml:"delayed"`
	// Archived reads deleted records at the end of each round.
	Archived *Archived `yaml:"archived"`
	// Sweep finds deleted records by their absence from a full list.
	Sweep *Sweep `yaml:"sweep"`
	// Fetch reads single records by id.
	Fetch *Fetch `yaml:"fetch"`
	// Fields lists the fields of the records.
	Fields *Fields `yaml:"fields"`
}

// Shape says how what the vendor lists becomes records, in this order.
type Shape struct {
	// Unwrap is the path of the record within the item, where items are wrapped.
	Unwrap string `yaml:"unwrap"`
	// Explode is the path of an array: each element becomes a record. Parent says which values of the object
	// around it go into each: member to path.
	Explode string            `yaml:"explode"`
	Parent  map[string]string `yaml:"parent"`
	// Collect gathers members whose names begin alike, Flatten spreads an object over its parent.
	Collect *Collect `yaml:"collect"`
	Flatten *Flatten `yaml:"flatten"`
}

// Collect moves the members whose names begin with Prefix into the object Into, without the prefix.
type Collect struct {
	Prefix string `yaml:"prefix"`
	Into   string `yaml:"into"`
}

// Flatten copies the members of the object at Path into the record, with Prefix before their names.
type Flatten struct {
	Path   string `yaml:"path"`
	Prefix string `yaml:"prefix"`
}

// Feed is a paged list.
type Feed struct {
	Request Request `yaml:"request"`
	// Job is in place of the request where the vendor prepares the list first.
	Job *Job `yaml:"job"`
	// Format is "json" (default), "jsonl" or "csv": each row an object of texts.
	Format string `yaml:"format"`
	// Records are paths of the array in the body, of which the first that is there counts; "" for the body
	// itself.
	Records Values `yaml:"records"`
	// Total is the path of the number of records in all.
	Total  string `yaml:"total"`
	Paging Paging `yaml:"paging"`
	Shape  `yaml:",inline"`
	Enrich []Enrich `yaml:"enrich"`
	// Reset starts the list anew from the last record where the vendor caps it.
	Reset *Reset `yaml:"reset"`
}

// Job is a list that the vendor prepares: it is created, asked about until it is done, and downloaded.
// Poll and Download name it as ${job}.
type Job struct {
	Create Request `yaml:"create"`
	// ID is the path of the job's id in the answer to Create.
	ID   string  `yaml:"id"`
	Poll Request `yaml:"poll"`
	// Status is the path of the job's state, Done and Failed its values at the end.
	Status string `yaml:"status"`
	Done   Values `yaml:"done"`
	Failed Values `yaml:"failed"`
	// Every is how often to ask (5s), Timeout how long a job may take (30m), Attempts how many are created
	// before the round fails (3).
	Every    Duration `yaml:"every"`
	Timeout  Duration `yaml:"timeout"`
	Attempts int      `yaml:"attempts"`
	Download Request  `yaml:"download"`
	// Format is "csv" (default), "jsonl" or "json".
	Format string `yaml:"format"`
	// Locator is the header of a download's answer with the token of the next page, ${token}; "" or "null"
	// ends the list. Without it the feed's paging counts.
	Locator string `yaml:"locator"`
}

// Paging says how the next page is found.
type Paging struct {
	// Kind is "none", "cursor", "next_url", "link", "offset", "page", "last_id" or "keyset".
	Kind string `yaml:"kind"`
	// Token is the path of the token (cursor) or URL (next_url) in the body; "" ends the list.
	Token string `yaml:"token"`
	// Path is where an item tells its key (keyset): the next page is what lies behind ${last_key}.
	Path string `yaml:"path"`
	// More is the path of a flag that must be true for another page, End of one that ends the list.
	More string `yaml:"more"`
	End  string `yaml:"end"`
	// Size is the page size: for offset, page, and last_id and keyset without More, a shorter page is the last.
	Size int `yaml:"size"`
	// Start is the number of the first page (page) or item (offset).
	Start int `yaml:"start"`
	// MaxPages is how many pages the vendor gives: behind them the feed's reset goes on.
	MaxPages int `yaml:"max_pages"`
	// NotAfter keeps the last token of a round, where it is a time in unix seconds, at least this long in
	// the past.
	NotAfter Duration `yaml:"not_after"`
	// Dedupe drops records that are byte for byte on the page before.
	Dedupe bool `yaml:"dedupe"`
}

// Changes says how later rounds learn what is new.
type Changes struct {
	// Mode is "window" (a query from ${since}), "continue" (the full feed goes on from its last token) or
	// "events" (a feed of events names the objects, which are then fetched).
	Mode string `yaml:"mode"`
	// Settle is how long the vendor may hide a change; the watermark stays that far behind the round's
	// start. Overlap is read again on top.
	Settle  Duration `yaml:"settle"`
	Overlap Duration `yaml:"overlap"`
	// Step cuts the window into pieces from ${since} to ${until}, one after the other.
	Step Duration `yaml:"step"`
	// Granularity "day" moves ${since} back to midnight in the account's Timezone (UTC), for vendors that
	// search by the day.
	Granularity string `yaml:"granularity"`
	Timezone    string `yaml:"timezone"`
	// Exact leaves out records whose version is before the window that was meant, where the vendor gives more.
	Exact  bool    `yaml:"exact"`
	Feed   Feed    `yaml:"feed"`
	Reset  *Reset  `yaml:"reset"`
	Events *Events `yaml:"events"`
	// Retention is how far back the vendor remembers changes; an older watermark means a full round.
	Retention Duration `yaml:"retention"`
	// Refresh is how often everything is listed again all the same, for what changes without a trace; 0
	// for never. Not for continue.
	Refresh Duration `yaml:"refresh"`
}

// Delayed reads the window of changes again, up to Lag before the round: what the vendor showed late is then
// found, and what was told already is left out.
type Delayed struct {
	Lag Duration `yaml:"lag"`
}

// Reset restarts a list, which must be sorted, behind the last record seen: because the vendor caps results,
// or because paging by position skips records while others change.
type Reset struct {
	// By is "time" (default): from the last modification time, as ${since}; or "id": behind the last record's
	// key, as ${last_key}.
	By string `yaml:"by"`
	// Records is how many records to read before the list is restarted; 0 leaves it to max_pages.
	Records int `yaml:"records"`
	// Path is what the list is sorted by: the record's modification time or its key (the stream's id).
	Path string `yaml:"path"`
	// Ties reads records of the one moment ${tie} behind ${last_id}, sorted by id: for when a whole window
	// shares one modification time. Step is the vendor's resolution (1s).
	Ties *Feed    `yaml:"ties"`
	Step Duration `yaml:"step"`
}

// Events says how an event names the object that changed.
type Events struct {
	// Object is the path of the object's id in the event, Copy of the object itself.
	Object string `yaml:"object"`
	Copy   string `yaml:"copy"`
	// Time is the path of the event's time, Type of its type.
	Time string `yaml:"time"`
	Type string `yaml:"type"`
	// Deleted are the types that mean that the object is gone.
	Deleted []string `yaml:"deleted"`
	// Fetch reads the object ${id}. An answer 404 means that it is gone.
	Fetch Request `yaml:"fetch"`
	// Gone holds for fetched objects that are tombstones.
	Gone *Condition `yaml:"gone"`
	// Parallel is the most fetches at a time; 0 means 4.
	Parallel int `yaml:"parallel"`
}

// Archived is the feed of deleted records.
type Archived struct {
	Feed    Feed    `yaml:"feed"`
	Version Version `yaml:"version"`
	// Recent leaves out, in later rounds, records deleted longer than this before the last watermark.
	Recent Duration `yaml:"recent"`
	// Reason is why the feed's records are gone: "archived" (default) or "deleted".
	Reason string `yaml:"reason"`
	// Retention is how far back the vendor remembers: ${since} is never older, and where the watermark is, the
	// round is full. Step cuts the window ${since} to ${until} into pieces.
	Retention Duration `yaml:"retention"`
	Step      Duration `yaml:"step"`
}

// Sweep lists everything once in Every: what is held and no longer listed is gone. Where more than the share
// Guard (0.05) is missing at once, nothing is taken as deleted.
type Sweep struct {
	Every Duration `yaml:"every"`
	Guard *float64 `yaml:"guard"`
}

// Merged says where a record names those that became part of it.
type Merged struct {
	// Path leads to an id, to several, or to a text of several between which Split stands.
	Path  string `yaml:"path"`
	Split string `yaml:"split"`
}

// Partitions are what a stream is read for: values that stand here, a list of the vendor's, or what the
// records of another stream tell.
type Partitions struct {
	// List are values; one that is ${list.NAME} or ${setting.NAME} alone stands for all of its own.
	List Values `yaml:"list"`
	// Parent names a stream that is declared before this one, Value the path in its records (its id).
	Parent string `yaml:"parent"`
	Value  string `yaml:"value"`
	// Changed reads, in rounds of changes, only for the parent's records that changed.
	Changed bool `yaml:"changed"`
	// As names the variable ${part.NAME}, Member the record's member that the value goes into, if any.
	As     string `yaml:"as"`
	Member string `yaml:"member"`
}

// Fetch reads records by id: ${id} one at a time, ${ids} up to Size at once.
type Fetch struct {
	Request Request `yaml:"request"`
	// Records are paths of the object or the array in the answer; "" for the body itself.
	Records Values `yaml:"records"`
	Size    int    `yaml:"size"`
	// Gone holds for objects that are tombstones, besides those for which the stream's condition holds.
	Gone *Condition `yaml:"gone"`
	// Missing says what is made of ids that the vendor does not find: "tombstone" (default), or "skip" where
	// its feeds tell the end of every record, and better: when it came, and what the record became part of.
	Missing string `yaml:"missing"`
	Shape   `yaml:",inline"`
	Enrich  []Enrich `yaml:"enrich"`
	// Parallel is the most requests at a time; 0 means 4.
	Parallel int `yaml:"parallel"`
}

// Fields lists the fields that a stream's records have at the vendor.
type Fields struct {
	Request Request `yaml:"request"`
	Paging  Paging  `yaml:"paging"`
	// Items is the path of the array; Name, Label, Doc and Type are paths in each item.
	Items string `yaml:"items"`
	Name  string `yaml:"name"`
	Label string `yaml:"label"`
	Doc   string `yaml:"doc"`
	Type  string `yaml:"type"`
	// Custom holds for fields that the account added, Computed for those that change without moving the
	// record's modification time. Skip leaves fields out.
	Custom   *Condition  `yaml:"custom"`
	Computed *Condition  `yaml:"computed"`
	Skip     []Condition `yaml:"skip"`
}

// Enrich fetches more about all records of a page at once and merges it into each record.
type Enrich struct {
	// Member is the record's member that the answers go into, Key the name inside it.
	Member string `yaml:"member"`
	Key    string `yaml:"key"`
	// Request reads for the ids in ${ids}, given as objects {"id": …}; Size is the most ids per call.
	Request Request `yaml:"request"`
	Size    int     `yaml:"size"`
	// Results is the path of the answers; in each, ID is the path of the record's id, Items of the array.
	Results string `yaml:"results"`
	ID      string `yaml:"id"`
	Items   string `yaml:"items"`
	// More is the path of a token in an answer: the record has more items, read with {"id", "after"}.
	More string `yaml:"more"`
	// Take builds each merged object: member name to path in the item.
	Take map[string]string `yaml:"take"`
	// First is a condition of items that come first.
	First *Condition `yaml:"first"`
}
