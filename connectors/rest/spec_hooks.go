package rest

// HookRule says how a webhook call's body names objects.
type HookRule struct {
	// When holds for the calls that the rule is for; without it, for all.
	When *Condition `yaml:"when"`
	// Items is the path of an array of notices in the body, "" where the body is one, or an array of them.
	Items string `yaml:"items"`
	// Stream says of which stream the object is.
	Stream HookStream `yaml:"stream"`
	// ID is the path of the object's id; At of the moment that the notice speaks of.
	ID string `yaml:"id"`
	At string `yaml:"at"`
	// Deleted holds where the object is gone.
	Deleted *Condition  `yaml:"deleted"`
	Merged  *HookMerged `yaml:"merged"`
	// Record is the path of the object, where the call carries all of it.
	Record string `yaml:"record"`
}

// HookStream finds a stream's name.
type HookStream struct {
	// Name is the stream, where the rule is for one. Otherwise the word at Path, or in the header Header, is
	// looked up in Map; without Map it is the name itself.
	Name   string            `yaml:"name"`
	Path   string            `yaml:"path"`
	Header string            `yaml:"header"`
	Map    map[string]string `yaml:"map"`
	// Cut takes only what stands before this separator.
	Cut string `yaml:"cut"`
}

// HookMerged says how a notice tells that objects became one.
type HookMerged struct {
	When *Condition `yaml:"when"`
	// Into is the path of the id of the object that remains, Losers of those that are gone.
	Into   string `yaml:"into"`
	Losers string `yaml:"losers"`
}

// UnmarshalYAML reads a mapping, or a text that is the stream's name.
func (h *HookStream) UnmarshalYAML(decode func(any) error) error {
	var name string
	if decode(&name) == nil {
		*h = HookStream{Name: name}
		return nil
	}
	type plain HookStream
	return decode((*plain)(h))
}

// About holds the facts of a connector that is a folder of its own.
type About struct {
	Name     string         `yaml:"name"`
	Title    string         `yaml:"title"`
	Category string         `yaml:"category"`
	Doc      string         `yaml:"doc"`
	Settings []AboutSetting `yaml:"settings"`
	Hook     *AboutHook     `yaml:"hook"`
}

// AboutSetting is one thing that the user must or may tell.
type AboutSetting struct {
	Name     string `yaml:"name"`
	Title    string `yaml:"title"`
	Doc      string `yaml:"doc"`
	Secret   bool   `yaml:"secret"`
	Required bool   `yaml:"required"`
	Default  string `yaml:"default"`
}

// AboutHook says how the vendor's calls are verified.
type AboutHook struct {
	Scheme string `yaml:"scheme"`
	Secret string `yaml:"secret"`
	Doc    string `yaml:"doc"`
}
