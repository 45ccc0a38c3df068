package mapping

import "github.com/lifecyclehub/hub/canon"

func (c *compiler) readOwner(n *node) pointer {
	var out pointer
	if !c.want(n, isMap, "An owner") {
		return out
	}
	c.known(n, "owner")
	out.kind = canon.Kind(c.word(n, "kind"))
	if out.kind != canon.KindCompany && out.kind != canon.KindContact {
		c.complain(n, "write kind: company or kind: contact", "An owner must be a company or a contact, not %q.", out.kind)
	}
	c.readPointer(n, &out)
	out.self = c.flag(n, "self", false)
	out.email = c.paths(n.get("email"))
	ways := 0
	for _, set := range []bool{out.self, n.get("id") != nil, n.get("email") != nil} {
		if set {
			ways++
		}
	}
	switch {
	case ways != 1:
		c.complain(n, "name an id with its stream, or an email, or self: true", "An owner is named in one way, here are %d.", ways)
	case n.get("id") != nil && out.stream == "":
		c.complain(n, "add stream: companies, for instance", "An owner by id needs the stream that the id is from.")
	case n.get("email") != nil && out.kind != canon.KindContact:
		c.complain(n, "write kind: contact", "Only a contact can be named by e-mail.")
	}
	return out
}

func (c *compiler) readSameAs(n *node) pointer {
	var out pointer
	if !c.want(n, isMap, "same_as") {
		return out
	}
	c.known(n, "same_as")
	c.readPointer(n, &out)
	if out.stream == "" || len(out.id) == 0 {
		c.complain(n, "write {connector: hubspot, stream: companies, id: …}", "same_as needs a stream and an id.")
	}
	if n.get("connector") == nil && n.get("connection") == nil {
		c.complain(n, "add connector: hubspot, for instance", "same_as needs the connector that the object lives at.")
	}
	return out
}

// readReference reads what a field points to: paths name an id of the record's own stream.
func (c *compiler) readReference(n *node) *pointer {
	if n.shape != isMap {
		return &pointer{id: c.paths(n)}
	}
	c.known(n, "reference")
	out := &pointer{}
	c.readPointer(n, out)
	if n.get("id") == nil {
		c.complain(n, "write a path, or {stream: companies, id: parent_id}", "A reference needs an id.")
	}
	if out.stream == "" && (n.get("connector") != nil || n.get("connection") != nil) {
		c.complain(n, "add stream: companies, for instance", "A reference to another connection needs the stream that the id is from.")
	}
	return out
}

// readPointer reads where a reference points to: the connection by name or by its connector.
func (c *compiler) readPointer(n *node, out *pointer) {
	out.stream = c.word(n, "stream")
	out.id = c.paths(n.get("id"))
	out.connection = c.word(n, "connection")
	connector := c.word(n, "connector")
	if connector == "" {
		return
	}
	if out.connection != "" {
		c.complain(n, "keep one of them", "connection and connector are both given.")
	}
	if c.opts.Connection != nil {
		out.connection = c.opts.Connection(connector)
	}
	out.away = out.connection == ""
}
