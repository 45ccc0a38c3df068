package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/store"
)

// keyVariable names the environment variable that may hold the vault's key.
const keyVariable = "HUB_KEY"

// settingsName is the name in a connection's vault of the settings that `hub connect` was told.
const settingsName = "settings"

// loadKeys returns the keys of the vault: those of the environment, or those of the key file in the data folder.
func loadKeys(cfg *config.Config, env func(string) (string, bool)) (store.Keys, error) {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return store.Keys{}, canon.Errorf("data.dir", "the data folder cannot be made: %w", err).WithHint("check data_dir in hub.yaml")
	}
	text, _ := env(keyVariable)
	return store.LoadKeys(cfg.DataDir, text)
}

// keptSettings returns the settings that a connection's vault keeps.
func keptSettings(ctx context.Context, vault connectors.Vault) (connectors.Settings, error) {
	kept := connectors.Settings{}
	if vault == nil {
		return kept, nil
	}
	doc, err := vault.Load(ctx, settingsName)
	if err != nil || len(doc) == 0 {
		return kept, err
	}
	if err := json.Unmarshal(doc, &kept); err != nil {
		return nil, canon.Errorf("vault.broken", "the settings kept for the connection cannot be read").WithHint("connect it again with `hub connect`")
	}
	return kept, nil
}

// keepSettings seals settings in a connection's vault.
func keepSettings(ctx context.Context, vault connectors.Vault, s connectors.Settings) error {
	doc, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return vault.Save(ctx, settingsName, doc)
}

func (c *cli) vault() *cobra.Command {
	cmd := &cobra.Command{Use: "vault", Short: "Look after the key that tokens and secrets are sealed with", Example: "  hub vault rotate"}
	cmd.AddCommand(&cobra.Command{
		Use:   "rotate",
		Short: "Draw a new key and seal everything with it",
		Long: `rotate puts a new key into the key file and seals every token and secret with it. The old key stays in the file behind
the new one, so that a hub that is running can still read; once no hub that knows only the old key runs, and no backup
needs it, remove its line. Where HUB_KEY holds the keys, put the new one first in it instead, and run this.`,
		Example: "  hub vault rotate",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			return c.withStore(cmd.Context(), func(db *store.DB) error {
				keys, where, err := c.newKeys(cfg)
				if err != nil {
					return err
				}
				n, err := db.Reseal(cmd.Context(), keys)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(map[string]any{"sealed": n, "key": where})
				}
				fmt.Fprintf(c.out, "%s sealed with the first key in %s; remove the others when nothing needs them any more\n", plural(int64(n), "value", "values"), where)
				return nil
			})
		},
	})
	return cmd
}

// newKeys returns the keys to seal with, the first one new, and where they stand.
func (c *cli) newKeys(cfg *config.Config) (keys store.Keys, where string, err error) {
	if text, _ := c.env(keyVariable); text != "" {
		keys, err = loadKeys(cfg, c.env)
		return keys, keyVariable, err
	}
	keys, err = store.AddKey(cfg.DataDir)
	return keys, cfg.DataDir + "/hub.key", err
}
