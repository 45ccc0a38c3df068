package lifecycle

// MeasureInfo is what a policy file says of a measure of a scorecard, for whoever judges whether it belongs there.
type MeasureInfo struct {
	// Score is the name of the score, Card the key of the one of its scorecards that the measure stands in.
	Score, Card string
	// Key is unique within the scorecard. Title is for people, Group the key of the measure's group.
	Key, Title, Group string
	// Weight is the measure's share of the scorecard, 0 to 1, where nothing is missing.
	Weight float64
	// Direction is 1 where more is better, -1 where less is, 0 where the best lies in the middle.
	Direction int
	// Influenceable says that somebody could do something about it, Leading that it moves before the outcome does.
	Influenceable, Leading bool
	// Forecast says that the scorecard foretells and gives no alarm, so that it may rest on what nobody can influence.
	Forecast bool
	// Hypothesis is why it is thought to tell the outcome, Play the key of the play that answers it, "" for none.
	Hypothesis, Play string
}

// Measures lists the measures of all scorecards in the order of the policy file.
func (p *Policy) Measures() []MeasureInfo {
	var out []MeasureInfo
	for _, s := range p.scores {
		for _, c := range s.cards {
			groups := 0.0
			for i := range c.groups {
				groups += c.groups[i].weight
			}
			for i := range c.groups {
				g := &c.groups[i]
				measures := 0.0
				for k := range g.measures {
					measures += g.measures[k].weight
				}
				for k := range g.measures {
					m := &g.measures[k]
					info := m.info()
					info.Score, info.Card, info.Group, info.Forecast = s.name, c.key, g.key, c.forecast
					if groups > 0 && measures > 0 {
						info.Weight = g.weight / groups * m.weight / measures
					}
					out = append(out, info)
				}
			}
		}
	}
	return out
}

func (m *measure) info() MeasureInfo {
	out := MeasureInfo{Key: m.key, Title: m.title, Influenceable: m.influenceable, Leading: m.leading, Hypothesis: m.hypothesis, Play: m.play}
	switch m.direction {
	case "up":
		out.Direction = 1
	case "down":
		out.Direction = -1
	}
	return out
}
