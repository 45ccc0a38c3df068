// Package api serves Hub over HTTP: a read-only REST API described by OpenAPI, a live stream of changes as
// server-sent events, and the gate in front of the console and the metrics.
//
// It reads through interfaces that its caller fills; it opens no database, computes no score, delivers no
// webhook and writes nothing. The pages of the console live elsewhere: the package only decides who may see
// them.
package api
