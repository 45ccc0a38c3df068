package airbyte

import "maps"

const parametersKey = "$parameters"

// defaultTypes are the types of components that name none, by their parent's type and field.
func defaultTypes() map[string]string {
	return map[string]string{
		"CompositeErrorHandler.error_handlers":                "DefaultErrorHandler",
		"CursorPagination.decoder":                            "JsonDecoder",
		"DatetimeBasedCursor.end_datetime":                    "MinMaxDatetime",
		"DatetimeBasedCursor.end_time_option":                 "RequestOption",
		"DatetimeBasedCursor.start_datetime":                  "MinMaxDatetime",
		"DatetimeBasedCursor.start_time_option":               "RequestOption",
		"DeclarativeSource.check":                             "CheckStream",
		"DeclarativeSource.spec":                              "Spec",
		"DeclarativeSource.streams":                           "DeclarativeStream",
		"DeclarativeStream.retriever":                         "SimpleRetriever",
		"DeclarativeStream.schema_loader":                     "JsonFileSchemaLoader",
		"DynamicDeclarativeStream.stream_template":            "DeclarativeStream",
		"DynamicDeclarativeStream.components_resolver":        "ConfigComponentsResolver",
		"StateDelegatingStream.full_refresh_stream":           "DeclarativeStream",
		"StateDelegatingStream.incremental_stream":            "DeclarativeStream",
		"HttpComponentsResolver.retriever":                    "SimpleRetriever",
		"HttpComponentsResolver.components_mapping":           "ComponentMappingDefinition",
		"ConfigComponentsResolver.stream_config":              "StreamConfig",
		"ConfigComponentsResolver.components_mapping":         "ComponentMappingDefinition",
		"DefaultErrorHandler.response_filters":                "HttpResponseFilter",
		"DefaultPaginator.decoder":                            "JsonDecoder",
		"DefaultPaginator.page_size_option":                   "RequestOption",
		"DpathExtractor.decoder":                              "JsonDecoder",
		"DpathExtractor.record_expander":                      "RecordExpander",
		"HttpRequester.error_handler":                         "DefaultErrorHandler",
		"ListPartitionRouter.request_option":                  "RequestOption",
		"ParentStreamConfig.request_option":                   "RequestOption",
		"ParentStreamConfig.stream":                           "DeclarativeStream",
		"RecordSelector.extractor":                            "DpathExtractor",
		"RecordSelector.record_filter":                        "RecordFilter",
		"SimpleRetriever.paginator":                           "NoPagination",
		"SimpleRetriever.record_selector":                     "RecordSelector",
		"SimpleRetriever.requester":                           "HttpRequester",
		"SubstreamPartitionRouter.parent_stream_configs":      "ParentStreamConfig",
		"AddFields.fields":                                    "AddedFieldDefinition",
		"CustomPartitionRouter.parent_stream_configs":         "ParentStreamConfig",
		"DynamicSchemaLoader.retriever":                       "SimpleRetriever",
		"SchemaTypeIdentifier.types_map":                      "TypesMap",
		"SessionTokenAuthenticator.login_requester":           "HttpRequester",
		"ApiKeyAuthenticator.inject_into":                     "RequestOption",
		"PropertiesFromEndpoint.retriever":                    "SimpleRetriever",
		"QueryProperties.property_chunking":                   "PropertyChunking",
		"PropertyChunking.record_merge_strategy":              "GroupByKeyMergeStrategy",
		"DpathFlattenFields.key_transformation":               "KeyTransformation",
		"SimpleRetriever.pagination_reset":                    "PaginationReset",
		"PaginationReset.limits":                              "PaginationResetLimits",
		"GroupingPartitionRouter.underlying_partition_router": "SubstreamPartitionRouter",
	}
}

// customTypes are those of components that name a class instead of a type.
func customTypes() map[string]string {
	return map[string]string{
		"CompositeErrorHandler.backoff_strategies": "CustomBackoffStrategy",
		"DeclarativeStream.retriever":              "CustomRetriever",
		"DeclarativeStream.transformations":        "CustomTransformation",
		"DefaultErrorHandler.backoff_strategies":   "CustomBackoffStrategy",
		"DefaultPaginator.pagination_strategy":     "CustomPaginationStrategy",
		"HttpRequester.authenticator":              "CustomAuthenticator",
		"HttpRequester.error_handler":              "CustomErrorHandler",
		"RecordSelector.extractor":                 "CustomRecordExtractor",
		"SimpleRetriever.partition_router":         "CustomPartitionRouter",
	}
}

// propagator gives components their default types and hands $parameters down to them.
type propagator struct {
	file             string
	defaults, custom map[string]string
	nodes            int
	err              error
}

// component returns a copy of c with its type, with the parameters that reach it as fields where it has no such
// field of its own, and with the parameters themselves under $parameters.
func (p *propagator) component(field string, c *dict, parent map[string]any, depth int) *dict {
	p.nodes++
	if p.nodes > maxNodes || depth > maxDepth {
		p.err = complaint(p.file, c, "the manifest is too large or nests too deep")
		return c
	}
	out := c.clone()
	if _, ok := out.get("type"); !ok {
		types := p.defaults
		if _, isCustom := out.get("class_name"); isCustom {
			types = p.custom
		}
		if t := types[field]; t != "" {
			out.set("type", t)
		}
	}
	params := maps.Clone(parent)
	if params == nil {
		params = map[string]any{}
	}
	order := []string{}
	if own, ok := out.vals[parametersKey].(*dict); ok {
		for _, k := range own.keys {
			params[k] = own.vals[k]
			order = append(order, k)
		}
	}
	out.del(parametersKey)
	if isSchema(out) {
		return out
	}
	kind, typed := out.get("type")
	if !typed {
		p.nested(out, field, params, depth)
		return out
	}
	for _, k := range sortedKeys(params) {
		if v, _ := out.get(k); !truthy(v) {
			out.set(k, params[k])
		}
	}
	for _, k := range out.keys {
		p.field(out, k, pyStr(kind)+"."+k, params, depth)
	}
	if len(params) > 0 {
		d := newDict()
		for _, k := range order {
			d.set(k, params[k])
		}
		for _, k := range sortedKeys(params) {
			d.set(k, params[k])
		}
		out.set(parametersKey, d)
	}
	return out
}

// field hands the parameters down to one field. A parameter of the field's own name stays behind, or it would go
// down without end.
func (p *propagator) field(out *dict, k, id string, params map[string]any, depth int) {
	down := params
	if _, ok := params[k]; ok {
		down = maps.Clone(params)
		delete(down, k)
	}
	switch v := out.vals[k].(type) {
	case *dict:
		out.vals[k] = p.component(id, v, down, depth+1)
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = x
			if d, ok := x.(*dict); ok {
				list[i] = p.component(id, d, down, depth+1)
			}
		}
		out.vals[k] = list
	}
}

// nested looks for components within a plain object, such as query properties among request parameters.
func (p *propagator) nested(out *dict, field string, params map[string]any, depth int) {
	for _, k := range out.keys {
		if d, ok := out.vals[k].(*dict); ok {
			if t, has := d.get("type"); has && truthy(t) {
				out.vals[k] = p.component(field, d, params, depth+1)
			}
		}
	}
}

func isSchema(d *dict) bool {
	switch t := d.vals["type"].(type) {
	case string:
		return t == "object"
	case []any:
		return equal(t, []any{"null", "object"}) || equal(t, []any{"object", "null"})
	}
	return false
}
