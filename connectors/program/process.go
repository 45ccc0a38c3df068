package program

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// launch says how to start the program: arguments behind the command, in which {dir} is the folder of its
// files, and those files.
type launch struct {
	args  []string
	files map[string][]byte
}

// line is one line of standard output; one that is too long comes without its text.
type line struct {
	text    []byte
	tooLong bool
	// cut says that no line end came behind it.
	cut bool
}

// process is one run of the program, in a process group of its own.
type process struct {
	conn *conn
	cmd  *exec.Cmd
	dir  string
	out  *os.File
	said *os.File
	// lines is closed when the program has printed its last. Nobody reads ahead, so that a program waits in
	// its pipe until it is listened to.
	lines chan line
	// quit tells the reader that nobody listens any more; it then only looks for what must not get lost.
	quit chan struct{}
	// done is closed when the program has ended; exit is then how.
	done chan struct{}
	exit error
	// drained is closed when both pipes were read to their end.
	drained chan struct{}
	// heard is when the program last said something on standard error, in nanoseconds since 1970.
	heard atomic.Int64
	tail  tail
	// config is what its configuration file held at the start.
	config []byte
	once   sync.Once
	err    error
}

// start runs the program. The caller calls stop, also when it has ended by itself.
func (c *conn) start(ctx context.Context, l launch) (*process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	config, err := c.load(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "hub-program-")
	if err != nil {
		return nil, cannotStart(err)
	}
	p := &process{conn: c, dir: dir, lines: make(chan line), quit: make(chan struct{}), done: make(chan struct{}), drained: make(chan struct{}), config: config}
	p.tail.redact = c.redact
	if err := p.begin(l); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return p, nil
}

func (p *process) begin(l launch) error {
	if err := os.WriteFile(filepath.Join(p.dir, configFile), p.config, 0o600); err != nil {
		return cannotStart(err)
	}
	for name, content := range l.files {
		if err := os.WriteFile(filepath.Join(p.dir, name), content, 0o600); err != nil {
			return cannotStart(err)
		}
	}
	set := p.conn.set
	args := append(append([]string{}, set.command[1:]...), l.args...)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "{dir}", p.dir)
	}
	p.cmd = exec.Command(set.command[0], args...)
	p.cmd.Dir = p.conn.dir
	// A nil environment would be all of Hub's.
	p.cmd.Env = append([]string{}, set.env...)
	ownGroup(p.cmd)
	out, outWriter, err := os.Pipe()
	if err != nil {
		return cannotStart(err)
	}
	said, saidWriter, err := os.Pipe()
	if err != nil {
		return errors.Join(cannotStart(err), out.Close(), outWriter.Close())
	}
	p.cmd.Stdout, p.cmd.Stderr, p.out, p.said = outWriter, saidWriter, out, said
	err = p.cmd.Start()
	closed := errors.Join(outWriter.Close(), saidWriter.Close())
	if err != nil || closed != nil {
		return errors.Join(cannotStart(errors.Join(err, closed)), out.Close(), said.Close())
	}
	limited := limitMemory(p.cmd.Process.Pid, set.memory)
	go p.wait()
	go p.read()
	if limited != nil && !errors.Is(limited, os.ErrProcessDone) {
		return errors.Join(cannotStart(fmt.Errorf("its memory cannot be limited: %w", limited)), p.stop())
	}
	return nil
}

func cannotStart(err error) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return canon.Errorf("program.missing", "the program cannot be started: %w", err).
			WithHint("check the setting command; PATH is searched for a name without a slash, other names are relative to hub.yaml")
	}
	e := canon.Errorf("program.start", "the program cannot be started: %w", err).WithHint("check the machine's temporary folder and limits")
	e.Retry = true
	return e
}

// wait reaps the program. What it left running in its group ends with it, so that nothing holds its pipes.
func (p *process) wait() {
	p.exit = p.cmd.Wait()
	killGroup(p.cmd)
	close(p.done)
}

func (p *process) read() {
	defer close(p.drained)
	var readers sync.WaitGroup
	readers.Go(p.readLines)
	readers.Go(p.readSaid)
	readers.Wait()
}

func (p *process) readLines() {
	defer close(p.lines)
	in := bufio.NewReaderSize(p.out, 64<<10)
	for {
		l, err := readLine(in, p.conn.set.maxLine)
		if err != nil {
			return // the end of the program, or of our interest in it
		}
		select {
		case <-p.quit:
			p.conn.dialect.late(l.text)
		default:
			select {
			case p.lines <- l:
			case <-p.quit:
				p.conn.dialect.late(l.text)
			}
		}
	}
}

// readLine returns the next line without its end. A last line without an end counts.
func readLine(in *bufio.Reader, most int) (line, error) {
	var l line
	for {
		part, err := in.ReadSlice('\n')
		if len(l.text)+len(part) > most+1 {
			l.tooLong, l.text = true, nil
		}
		if !l.tooLong {
			l.text = append(l.text, part...)
		}
		switch {
		case err == nil, errors.Is(err, io.EOF) && (len(l.text) > 0 || l.tooLong):
			l.text, l.cut = trimEnd(l.text), err != nil
			return l, nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		}
		return line{}, err
	}
}

func trimEnd(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}

func (p *process) readSaid() {
	in := bufio.NewReaderSize(p.said, 16<<10)
	for {
		l, err := readLine(in, maxSaid)
		if err != nil {
			return
		}
		p.heard.Store(time.Now().UnixNano())
		if l.tooLong {
			l.text = []byte("(a line that is too long)")
		}
		p.conn.log.Debug("program", "connection", p.conn.connection, "said", p.tail.add(string(l.text)))
	}
}

// next returns the next line, io.EOF behind the last. Only the time that it waits counts as silence.
func (p *process) next(ctx context.Context) (line, error) {
	select {
	case l, ok := <-p.lines:
		return heard(l, ok)
	default:
	}
	begun := time.Now()
	timer := time.NewTimer(p.conn.set.timeout)
	defer timer.Stop()
	for {
		select {
		case l, ok := <-p.lines:
			return heard(l, ok)
		case <-ctx.Done():
			return line{}, ctx.Err()
		case <-timer.C:
			last := max(begun.UnixNano(), p.heard.Load())
			left := p.conn.set.timeout - time.Since(time.Unix(0, last))
			if left <= 0 {
				return line{}, p.silent()
			}
			timer.Reset(left)
		}
	}
}

func heard(l line, ok bool) (line, error) {
	if !ok {
		return line{}, io.EOF
	}
	return l, nil
}

func (p *process) silent() error {
	e := canon.Errorf("program.silent", "the program said nothing for %s and was ended%s", p.conn.set.timeout, p.tail.quote()).
		WithHint("raise the setting timeout if the program needs longer")
	e.Retry = true
	return e
}

// result waits for the program's end and tells how it went. It is called when there are no more lines.
func (p *process) result(ctx context.Context) error {
	timer := time.NewTimer(p.conn.set.grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		return nil // it closed its output and lingers: all was said
	case <-ctx.Done():
		return ctx.Err()
	}
	if p.exit == nil {
		return nil
	}
	e := canon.Errorf("program.failed", "the program failed: %w%s", p.exit, p.tail.quote()).
		WithHint("run the program by hand with the same configuration; what it printed before is kept")
	e.Retry = true
	var exit *exec.ExitError
	if errors.As(p.exit, &exit) && !exit.Exited() {
		e.Code = "program.killed"
		e.Hint = "something else ended the program, perhaps for its memory; Hub starts it again in the next round"
	}
	return e
}

// stop ends the program, reads what it made of its configuration and removes its files. It may be called
// again.
func (p *process) stop() error {
	p.once.Do(func() {
		close(p.quit)
		p.end()
		timer := time.NewTimer(p.conn.set.grace)
		defer timer.Stop()
		select {
		case <-p.drained:
		case <-timer.C: // something that left the group still holds a pipe
		}
		p.err = errors.Join(p.out.Close(), p.said.Close())
		<-p.drained
		p.err = errors.Join(p.err, p.readBack(), os.RemoveAll(p.dir))
	})
	return p.err
}

func (p *process) end() {
	select {
	case <-p.done:
		return
	default:
	}
	askToEnd(p.cmd)
	timer := time.NewTimer(p.conn.set.grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		killGroup(p.cmd)
		<-p.done
	}
}
