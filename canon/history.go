package canon

// HistoryAsk says which customers' histories are wanted, and how much of each.
type HistoryAsk struct {
	// Customers keeps only these; empty is all.
	Customers []string
	// Revisions adds the statements that are no longer in force, with SupersededAt.
	Revisions bool
	// Assessments adds every assessment that was kept, oldest first, not only the last one.
	Assessments bool
	// Batch is how many customers come at once; 0 means 500.
	Batch int
}

// History is what a customer's past holds.
type History struct {
	Profile Profile
	// Events are in order of (occurred_at, id), with RecordedAt.
	Events []Event
	// Assessment is the last one, nil before the first; Assessments all that were kept where they were asked for.
	Assessment  *Assessment
	Assessments []Assessment
}
