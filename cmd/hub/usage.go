package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
)

// counting are the flags that say how many; none of them means anything below zero.
var counting = []string{"limit", "examples", "drift"}

// wordUsage makes what is said of wrong arguments, here and in all commands below, a complaint with a code, a sentence
// and a hint.
func wordUsage(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		wordUsage(sub)
	}
	check := cmd.Args
	if check == nil {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return argumentsError(cmd, args)
		}
		for _, name := range counting {
			f := cmd.Flags().Lookup(name)
			if f == nil {
				continue
			}
			if n, err := strconv.ParseInt(f.Value.String(), 10, 64); err == nil && n < 0 {
				return canon.Errorf("usage", "--%s cannot be %d", name, n).WithHint("write a whole number from 0 on")
			}
		}
		return nil
	}
}

// argumentsError says that a command was given too much, too little or something that it does not know.
func argumentsError(cmd *cobra.Command, args []string) error {
	usage := strings.TrimSuffix(cmd.UseLine(), " [flags]")
	switch {
	case len(args) > 0 && cmd.HasAvailableSubCommands() && !strings.Contains(cmd.Use, " "):
		return canon.Errorf("usage", "`%s` has no command %q", cmd.CommandPath(), args[0]).WithHint("`%s --help` lists its commands", cmd.CommandPath())
	case len(args) == 0:
		return canon.Errorf("usage", "`%s` needs to know of what", cmd.CommandPath()).WithHint("write: %s", usage)
	}
	return canon.Errorf("usage", "`%s` cannot be used with %s", cmd.CommandPath(), quoted(args)).
		WithHint("write: %s; what holds blanks goes into quotes; see `%s --help`", usage, cmd.CommandPath())
}

func quoted(args []string) string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = fmt.Sprintf("%.80q", a)
	}
	return strings.Join(out, " ")
}

// invalidValue returns the flag and the value that err complains of. lookup stands for the type of a flag, whose package
// comes with cobra.
func invalidValue[F any](_ func(string) F, err error) (flag F, value string, ok bool) {
	var invalid interface {
		error
		GetFlag() F
		GetValue() string
	}
	if !errors.As(err, &invalid) {
		return flag, "", false
	}
	return invalid.GetFlag(), invalid.GetValue(), true
}

// flagError says what is wrong with a flag.
func flagError(cmd *cobra.Command, err error) error {
	flag, value, ok := invalidValue(cmd.Flags().Lookup, err)
	if !ok {
		return canon.Errorf("usage", "%w", err).WithHint("see `%s --help`", cmd.CommandPath())
	}
	want := "another value"
	switch flag.Value.Type() {
	case "int", "int64":
		want = "a whole number"
	case "float64":
		want = "a number, as 0.8"
	case "bool":
		want = "true or false"
	case "duration":
		want = "a duration, as 90s or 5m"
	}
	return canon.Errorf("usage", "%.80q is no value for --%s", value, flag.Name).
		WithHint("write %s; see `%s --help`", want, cmd.CommandPath())
}
