// Package config reads hub.yaml: plain structs, defaults in code, strict keys, and file:line:column, a
// sentence and a hint in every complaint, all of them at once.
//
// It knows no connector, opens no database and starts nothing; what a setting means to a vendor is checked
// by the vendor's definition.
package config

import (
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Config is one hub.yaml with defaults filled in, variables replaced and paths resolved.
type Config struct {
	// Dir is the folder of the file; every relative path in it is relative to Dir. DataDir, Lifecycle,
	// ConnectorsDir and Connection.Mapping are joined with it already.
	Dir string `yaml:"-" json:"-"`
	// places finds where in the file a path stands.
	places func(path string) (file string, line, column int)

	DataDir       string       `yaml:"data_dir" json:"data_dir,omitempty" validate:"required" jsonschema_description:"Folder for the database and the message log, relative to this file. Default ./hub-data."`
	AsOf          time.Time    `yaml:"as_of" json:"as_of,omitzero" jsonschema_description:"Freezes the clock: everything is assessed as of then. For historic files."`
	Store         Store        `yaml:"store" json:"store,omitzero" jsonschema_description:"Where the truth is kept."`
	NATS          NATS         `yaml:"nats" json:"nats,omitzero" jsonschema_description:"What carries records and changes."`
	API           API          `yaml:"api" json:"api,omitzero" jsonschema_description:"REST API and console."`
	Log           Log          `yaml:"log" json:"log,omitzero" jsonschema_description:"What is logged and how."`
	Sync          Sync         `yaml:"sync" json:"sync,omitzero" jsonschema_description:"How often and how far ahead connections are read."`
	ConnectorsDir string       `yaml:"connectors_dir" json:"connectors_dir,omitempty" jsonschema_description:"Folder with connectors of your own, one folder each, relative to this file. Default: none."`
	Connections   []Connection `yaml:"connections" json:"connections,omitempty" validate:"dive" jsonschema_description:"The vendors' accounts that Hub reads from and writes to."`
	Identity      Identity     `yaml:"identity" json:"identity,omitzero" jsonschema_description:"How records of several systems become one customer."`
	Lifecycle     string       `yaml:"lifecycle" json:"lifecycle,omitempty" validate:"omitempty,policy" jsonschema_description:"A lifecycle pack that comes with Hub, by its name (cyclic-saas, classic, encyclopaedia), or a policy file, relative to this file. Default: cyclic-saas."`
	Webhooks      []Webhook    `yaml:"webhooks" json:"webhooks,omitempty" validate:"dive" jsonschema_description:"Endpoints that are told of changes."`
	WebhooksAllow []string     `yaml:"webhooks_allow" json:"webhooks_allow,omitempty" validate:"dive,cidr" jsonschema_description:"Private networks (CIDR) that webhooks may reach. Default: none."`
}

// Store says where the truth is kept.
type Store struct {
	URL Secret `yaml:"url" json:"url,omitempty" jsonschema_description:"postgres://user:password@host/database; empty for SQLite in data_dir."`
}

// NATS says what carries records and changes.
type NATS struct {
	URL    Secret `yaml:"url" json:"url,omitempty" jsonschema_description:"nats://host:4222 of a cluster with JetStream; empty for the embedded server."`
	Listen string `yaml:"listen" json:"listen,omitempty" validate:"omitempty,listen" jsonschema_description:"host:port on which the embedded server takes subscribers; empty for no port."`
	// Source is empty where the file does not say: /hub.
	Source    string    `yaml:"source" json:"source,omitempty" validate:"omitempty,uri_reference" jsonschema_description:"URI reference that names this hub in the changes that it publishes, such as https://hub.example.com. Default /hub."`
	Retention Retention `yaml:"retention" json:"retention,omitzero" jsonschema_description:"How long changes can be followed and replayed on NATS. The store keeps them longer."`
}

// Retention says what of the changes stays on NATS.
type Retention struct {
	Age   time.Duration `yaml:"age" json:"age,omitempty" validate:"gte=600000000000" jsonschema_description:"How long. Default 30d."`
	Bytes Size          `yaml:"bytes" json:"bytes,omitempty" validate:"omitempty,gte=67108864" jsonschema_description:"How much, such as 512MB or 4GiB; the oldest go first. Default: no bound."`
}

// API says where the REST API and the console listen.
type API struct {
	Listen string `yaml:"listen" json:"listen,omitempty" validate:"required,listen" jsonschema_description:"host:port. Default 127.0.0.1:8420."`
	Token  Secret `yaml:"token" json:"token,omitempty" validate:"omitempty,min=16" jsonschema_description:"Bearer token of at least 16 characters; empty to have one generated."`
	// PublicURL is part of what some vendors sign.
	PublicURL string `yaml:"public_url" json:"public_url,omitempty" validate:"omitempty,http_url" jsonschema_description:"Hub's address as vendors reach it, such as https://hub.example.com; for webhooks of vendors that sign it."`
}

// Log says what is logged and how.
type Log struct {
	Level  string `yaml:"level" json:"level,omitempty" validate:"oneof=debug info warn error" jsonschema:"enum=debug,enum=info,enum=warn,enum=error" jsonschema_description:"debug, info, warn (default) or error."`
	Format string `yaml:"format" json:"format,omitempty" validate:"oneof=text json" jsonschema:"enum=text,enum=json" jsonschema_description:"text (default) or json."`
}

// Sync says how often and how far ahead connections are read.
type Sync struct {
	Every      time.Duration `yaml:"every" json:"every,omitempty" validate:"gte=1000000000" jsonschema_description:"Pause between two rounds of a stream. Default 5m."`
	PagesAhead int           `yaml:"pages_ahead" json:"pages_ahead,omitempty" validate:"gte=1,lte=1000" jsonschema_description:"Pages that may be read before the first of them is committed. Default 4."`
}

// Connection is one configured account at a vendor.
type Connection struct {
	Name      string            `yaml:"name" json:"name" validate:"required,slug" jsonschema:"required,pattern=^[a-z0-9][a-z0-9_-]*$" jsonschema_description:"Short name, such as hubspot-emea. Records carry it for ever."`
	Connector string            `yaml:"connector" json:"connector" validate:"required,slug" jsonschema:"required" jsonschema_description:"Which vendor: see hub connectors."`
	Settings  map[string]Secret `yaml:"settings" json:"settings,omitempty" jsonschema_description:"What the connector asks for. Values may be ${NAME} or file:PATH."`
	Mapping   string            `yaml:"mapping" json:"mapping,omitempty" validate:"omitempty,file" jsonschema_description:"Mapping file, relative to this file. Default: the connector's own."`
	// Every and FreshWithin are 0 where the file does not say: Sync.Every, and what the connector needs.
	Every       time.Duration `yaml:"every" json:"every,omitempty" validate:"omitempty,gte=1000000000" jsonschema_description:"Pause between two rounds, in place of sync.every."`
	Streams     []Stream      `yaml:"streams" json:"streams,omitempty" validate:"dive" jsonschema_description:"Which streams to read, and their options. Default: all."`
	HookPath    Secret        `yaml:"hook_path" json:"hook_path,omitempty" validate:"omitempty,slug" jsonschema_description:"A secret last part of the connection's webhook address, /hooks/NAME/HOOK_PATH, for vendors that sign nothing."`
	Push        Push          `yaml:"push" json:"push,omitzero" jsonschema_description:"Writing fields back."`
	FreshWithin time.Duration `yaml:"fresh_within" json:"fresh_within,omitempty" jsonschema_description:"After how long without a successful round the connection's silence means nothing any more."`
}

// Stream is one stream of a connection. A plain string in the list is a stream without options.
type Stream struct {
	Name    string            `yaml:"name" json:"name" validate:"required,slug" jsonschema:"required" jsonschema_description:"The stream's name."`
	Options map[string]string `yaml:"options" json:"options,omitempty" jsonschema_description:"Options that the connector knows."`
	Enabled *bool             `yaml:"enabled" json:"enabled,omitempty" jsonschema_description:"false leaves the stream out. Default true."`
}

// On reports whether the stream is to be read.
func (s Stream) On() bool { return s.Enabled == nil || *s.Enabled }

// Push says what may be written back into a connection.
type Push struct {
	Enabled   bool            `yaml:"enabled" json:"enabled,omitempty" jsonschema_description:"true lets Hub write. Default false."`
	Streams   map[string]bool `yaml:"streams" json:"streams,omitempty" jsonschema_description:"Which streams are written. Default: every stream that the mapping writes."`
	Overwrite bool            `yaml:"overwrite" json:"overwrite,omitempty" jsonschema_description:"true replaces values that somebody else changed. Default false."`
	MaxShare  float64         `yaml:"max_share" json:"max_share,omitempty" validate:"gte=0,lte=1" jsonschema_description:"Largest share of records, 0 to 1, that one run may change; 0 for no limit."`
}

// Webhook is an endpoint that is told of changes. Zero values mean the defaults of delivery.
type Webhook struct {
	Name        string            `yaml:"name" json:"name" validate:"required,slug" jsonschema:"required" jsonschema_description:"Short name of the endpoint."`
	URL         string            `yaml:"url" json:"url" validate:"required,http_url" jsonschema:"required" jsonschema_description:"Where changes are posted."`
	Secrets     []Secret          `yaml:"secrets" json:"secrets" validate:"required,min=1,dive,required" jsonschema:"required" jsonschema_description:"Signing secrets (whsec_…): several while one replaces another."`
	Types       []string          `yaml:"types" json:"types,omitempty" validate:"dive,required" jsonschema_description:"Types of change, such as stage.changed or invoice.*."`
	Backfill    string            `yaml:"backfill" json:"backfill,omitempty" validate:"oneof=none current all" jsonschema:"enum=none,enum=current,enum=all" jsonschema_description:"What of the past is told: none (default), current or all."`
	Timeout     time.Duration     `yaml:"timeout" json:"timeout,omitempty" validate:"gte=0,lte=300000000000" jsonschema_description:"Longest wait for an answer. Default 20s."`
	Concurrency int               `yaml:"concurrency" json:"concurrency,omitempty" validate:"gte=0,lte=256" jsonschema_description:"Requests at one time. Default 4."`
	Rate        float64           `yaml:"rate" json:"rate,omitempty" validate:"gte=0" jsonschema_description:"Requests per second; 0 for no limit."`
	Ordered     bool              `yaml:"ordered" json:"ordered,omitempty" jsonschema_description:"true delivers the changes of one customer in order."`
	Headers     map[string]Secret `yaml:"headers" json:"headers,omitempty" jsonschema_description:"Further request headers."`
	Disabled    bool              `yaml:"disabled" json:"disabled,omitempty" jsonschema_description:"true stops deliveries."`
	Schedule    []time.Duration   `yaml:"schedule" json:"schedule,omitempty" validate:"max=50" jsonschema_description:"Pauses between attempts."`
	MaxAge      time.Duration     `yaml:"max_age" json:"max_age,omitempty" validate:"gte=0" jsonschema_description:"Deliveries older than this are given up; 0 for never."`
}

// Env looks a variable up; it tells whether the variable is set.
type Env func(name string) (string, bool)

// Default returns what holds where hub.yaml says nothing.
func Default() Config {
	return Config{
		DataDir:  "hub-data",
		NATS:     NATS{Retention: Retention{Age: 30 * 24 * time.Hour}},
		API:      API{Listen: "127.0.0.1:8420"},
		Log:      Log{Level: "warn", Format: "text"},
		Sync:     Sync{Every: 5 * time.Minute, PagesAhead: 4},
		Identity: Identity{Pack: "company", GenericLimit: 50},
	}
}

// Load reads the file at path. Variables come from env; nil means that none is set. Complaints about the
// content come as Complaints; a file that cannot be read comes as the system's error.
func Load(path string, env func(string) (string, bool)) (*Config, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, src, env)
}

// Parse reads src as the hub.yaml at the path name. It returns Complaints for what is wrong with it.
func Parse(name string, src []byte, env func(string) (string, bool)) (*Config, error) {
	cfg := Default()
	cfg.Dir = filepath.Dir(name)
	d := &decoder{file: name, dir: cfg.Dir, env: env, at: map[string]place{}}
	d.document(src, &cfg)
	if len(d.complaints) == 0 {
		cfg.finish()
		d.validate(&cfg)
	}
	if len(d.complaints) > 0 {
		slices.SortStableFunc(d.complaints, compareComplaints)
		return nil, d.complaints
	}
	cfg.places = d.find
	return &cfg, nil
}

// Complain returns what is wrong at a path of the file (connections[0].settings.token) as Complaints, for those
// who know more of a value than its form. A path that the file lacks is placed at the nearest thing around it.
func (c *Config) Complain(path, message, hint string) error {
	w := Complaint{Path: path, Message: message, Hint: hint}
	if c.places != nil {
		w.File, w.Line, w.Column = c.places(path)
	}
	return Complaints{w}
}

// finish resolves paths and fills in what depends on other values.
func (c *Config) finish() {
	c.DataDir = c.Path(c.DataDir)
	if !c.LifecycleIsPack() {
		c.Lifecycle = c.Path(c.Lifecycle)
	}
	c.ConnectorsDir = c.Path(c.ConnectorsDir)
	for i := range c.Connections {
		c.Connections[i].Mapping = c.Path(c.Connections[i].Mapping)
	}
	for i := range c.Webhooks {
		if c.Webhooks[i].Backfill == "" {
			c.Webhooks[i].Backfill = "none"
		}
	}
	c.AsOf = c.AsOf.UTC()
}

// LifecycleIsPack says whether lifecycle names a pack that comes with Hub, and not a file: a short name is one, unless a
// file of that name stands beside hub.yaml.
func (c *Config) LifecycleIsPack() bool {
	if !slug.MatchString(c.Lifecycle) {
		return false
	}
	_, err := os.Stat(c.Path(c.Lifecycle))
	return err != nil
}

// Path resolves a path of the file: relative ones are relative to Dir, "" stays "".
func (c *Config) Path(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.Dir, path)
}
