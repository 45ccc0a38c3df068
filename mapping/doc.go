// Package mapping turns a vendor's records into entities by a mapping file, and tells which fields of the
// vendor's records Hub writes back.
//
// It does no I/O, reads no clock and resolves no identity: the same map and record always give the same
// entities, and what the entities mean for a customer is decided elsewhere.
//
// A mapping file is YAML:
//
//	streams:
//	  deals:
//	    rules:                                  # each rule makes an entity of the record
//	      - kind: deal
//	        when: {path: type, equals: sale}    # path with exists, equals or in; not, all, any
//	        deleted: {path: archived, equals: true}
//	        created_at: created
//	        owners:                             # the surest first
//	          - {kind: company, stream: companies, id: [company.id, company]}
//	          - {kind: contact, email: buyer.email}
//	        fields:
//	          name: title                       # a gjson path
//	          amount: {money: {amount: value, currency: [currency, USD], unit: major}}
//	          status: {path: state, enum: {won: won, lost: lost, "*": open}}
//	    push:                                   # what Hub writes into the stream's records
//	      kind: company
//	      fields:
//	        hub_stage: {value: stage, type: text, label: Stage}
//	  companies:
//	    rules:
//	      - kind: company
//	        fields:
//	          name: name
//	          parent: {stream: companies, id: parent.id} # or parent.id alone: of the record's own stream
//
// Schema returns the whole language with a description of every key.
//
// An empty string and null count as absent. Paths inside a rule with each are relative to the element; with
// the prefix "$." they start at the record. Of several paths the first that yields a value wins, except for
// lists, to which every path contributes. Naive times are UTC. Money is parsed exactly; what is finer than
// the minor unit is rounded half away from zero.
//
// A fault in a field that the kind requires rejects the entity: the dead letter's code is map.type,
// map.time, map.money, map.enum, map.missing or map.invalid. A fault in any other field leaves the field
// out, keeps the entity, and its dead letter's code ends in ".field" (map.time.field). A record that cannot
// be read at all is map.invalid, one of a stream without rules map.stream.
package mapping
