// Package lifecycle says where a customer stands and how they are doing: the stage with its path, the
// flags, and the health score, each with reasons in plain words and the events behind them.
//
// A Policy is parsed from one YAML file; Assess folds it over a customer's events. Both are pure: the
// package does no I/O, has no clock, keeps no state between calls and knows nothing of stores, streams or
// vendors. It neither derives events nor decides who a customer is, and it sends nothing anywhere.
//
// # Expressions
//
// Rules are written in the grammar of expr-lang and checked by its type checker against the functions
// listed by Functions; no other identifier or builtin exists. They are evaluated here and not by expr's
// virtual machine, because a policy must tell "no" from "not known": a function that has nothing to say
// (days_since of something that never happened) is unknown, a comparison with an unknown is unknown, and
// and/or/not follow Kleene's logic (false and unknown is false, true or unknown is true). A rule holds only
// where its expression is true. `x ?? 0` puts a number in the place of an unknown one, known(x) asks.
//
// Event patterns are an exact type ("deal.won"), a family ("usage.*"), everything ("*"), or several of these
// joined by "|". A suffix ":in", ":out", ":up", ":down" or ":same" keeps events of that direction only.
//
// # Days
//
// In stage rules and flags a day is 24 hours, so a rule fires at the exact moment at which it becomes true.
// In scorecards a day is a UTC calendar day, so a score changes with time alone only at UTC midnight.
package lifecycle
