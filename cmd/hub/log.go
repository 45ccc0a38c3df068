package main

import (
	"io"
	"log/slog"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/term"

	"github.com/lifecyclehub/hub/config"
)

func terminal(fd int) bool { return term.IsTerminal(fd) }

// newLog returns the logger that hub.yaml asks for.
func newLog(w io.Writer, cfg config.Log) *slog.Logger {
	var level slog.Level
	// The configuration allows only names that slog knows.
	_ = level.UnmarshalText([]byte(cfg.Level))
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !isTerminal(w)}))
}
