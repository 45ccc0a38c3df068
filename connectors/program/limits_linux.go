package program

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// limitMemory bounds what the process, and those that it starts, may write to in memory. 0 is no limit.
func limitMemory(pid int, bytes uint64) error {
	if bytes == 0 {
		return nil
	}
	err := unix.Prlimit(pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: bytes, Max: bytes}, nil)
	if errors.Is(err, unix.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
