package sqlsource

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// onlyReads returns the query without its closing semicolon, or why it cannot stand as a part of another one.
// It looks at words and brackets only; that nothing is written is for the database to see to.
func onlyReads(query string, d dialect) (string, error) {
	s := scanner{text: query, dialect: d}
	var first string
	depth, end := 0, -1
	for {
		token, err := s.next()
		if err != nil {
			return "", err
		}
		if token == "" {
			break
		}
		if end >= 0 {
			return "", errors.New("is more than one statement")
		}
		word := strings.ToUpper(token)
		if first == "" {
			first = word
		}
		switch {
		case token == ";":
			end = s.start
		case token == "(":
			depth++
		case token == ")":
			if depth--; depth < 0 {
				return "", errors.New("closes a bracket that it did not open")
			}
		case token == "?" && d.name != postgres, token == "$" && d.name == postgres:
			return "", errors.New("holds a placeholder")
		case slices.Contains([]string{"INSERT", "UPDATE", "DELETE", "MERGE", "DROP", "ALTER", "TRUNCATE"}, word) && s.begins:
			return "", fmt.Errorf("holds %s", word)
		}
		s.begins = token == "("
	}
	if first != "SELECT" && first != "WITH" {
		return "", fmt.Errorf("begins with %q", clip(first))
	}
	if depth != 0 {
		return "", errors.New("opens a bracket that it does not close")
	}
	if end >= 0 {
		query = query[:end]
	}
	return query, nil
}

// scanner splits SQL into words and signs, without texts, quoted names and comments.
type scanner struct {
	text    string
	at      int
	start   int
	dialect dialect
	// begins says that the token before could begin a statement.
	begins bool
}

// next returns the next word or sign, "" at the end.
func (s *scanner) next() (string, error) {
	for s.at < len(s.text) {
		rest := s.text[s.at:]
		c := rest[0]
		s.start = s.at
		switch {
		case strings.ContainsRune(" \t\r\n\f\v", rune(c)):
			s.at++
		case strings.HasPrefix(rest, "--"), c == '#' && s.dialect.name == mysqlName:
			s.skipLine()
		case strings.HasPrefix(rest, "/*!"), strings.HasPrefix(rest, "/*M!"):
			return "", errors.New("holds a comment that MySQL runs")
		case strings.HasPrefix(rest, "/*"):
			if err := s.skipComment(); err != nil {
				return "", err
			}
		case c == '\'' || c == '"' || c == '`':
			if err := s.skipQuoted(c); err != nil {
				return "", err
			}
			return "x", nil // stands for the text
		case c == '$' && s.dialect.name == postgres && s.dollarTag() != "":
			if err := s.skipDollar(s.dollarTag()); err != nil {
				return "", err
			}
			return "x", nil
		case wordly(c):
			for s.at < len(s.text) && wordly(s.text[s.at]) {
				s.at++
			}
			return s.text[s.start:s.at], nil
		default:
			s.at++
			return rest[:1], nil
		}
	}
	return "", nil
}

func wordly(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func (s *scanner) skipLine() {
	if i := strings.IndexByte(s.text[s.at:], '\n'); i >= 0 {
		s.at += i + 1
		return
	}
	s.at = len(s.text)
}

// skipComment knows that PostgreSQL nests comments.
func (s *scanner) skipComment() error {
	depth := 0
	for s.at < len(s.text) {
		rest := s.text[s.at:]
		switch {
		case strings.HasPrefix(rest, "/*") && (depth == 0 || s.dialect.name == postgres):
			depth++
			s.at += 2
		case strings.HasPrefix(rest, "*/"):
			s.at += 2
			if depth--; depth == 0 {
				return nil
			}
		default:
			s.at++
		}
	}
	return errors.New("ends inside a comment")
}

// skipQuoted ends at a quote that is not doubled and, where the dialect has that, not behind a backslash.
func (s *scanner) skipQuoted(quote byte) error {
	escapes := s.dialect.name == mysqlName && quote != '`' ||
		s.dialect.name == postgres && quote == '\'' && s.at > 0 && (s.text[s.at-1]|0x20) == 'e'
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '\\' && escapes:
			s.at++
		case c == quote && s.at+1 < len(s.text) && s.text[s.at+1] == quote:
			s.at++
		case c == quote:
			s.at++
			return nil
		}
	}
	return errors.New("ends inside a quote")
}

// dollarTag returns the tag of PostgreSQL's $tag$ text $tag$ at the scanner's place, "" where there is none.
func (s *scanner) dollarTag() string {
	end := strings.IndexByte(s.text[s.at+1:], '$')
	if end < 0 {
		return ""
	}
	tag := s.text[s.at : s.at+end+2]
	for i := 1; i < len(tag)-1; i++ {
		if !wordly(tag[i]) || i == 1 && tag[i] >= '0' && tag[i] <= '9' {
			return ""
		}
	}
	return tag
}

func (s *scanner) skipDollar(tag string) error {
	s.at += len(tag)
	end := strings.Index(s.text[s.at:], tag)
	if end < 0 {
		return errors.New("ends inside a quote")
	}
	s.at += end + len(tag)
	return nil
}
