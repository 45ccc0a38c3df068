// Package webhooks is the way out over HTTP: which endpoints a change is due to, how a delivery is signed
// (Standard Webhooks), and the lanes that deliver, retry and end each one.
//
// It keeps nothing itself: deliveries live behind Store. It knows no SQL and no NATS, decides nothing about
// which changes happen, and verifies only the Standard Webhooks scheme, not the vendors' own.
package webhooks
