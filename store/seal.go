package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Keys seal what the vault keeps: the first one seals, and every one opens. It prints as nothing.
type Keys struct{ ring []sealKey }

type sealKey struct {
	id   [keyID]byte
	aead cipher.AEAD
}

const (
	keySize = 32
	keyID   = 8
	// keyFile is the name of the key file, beside the data.
	keyFile = "hub.key"
	// sealed is the first byte of what this version seals.
	sealed = 1
)

// String keeps keys out of logs.
func (k Keys) String() string { return "[keys]" }

// ParseKeys reads keys of 32 bytes in base64, separated by spaces, commas or line breaks. The first one seals.
// Its errors never show them.
func ParseKeys(text string) (Keys, error) {
	var k Keys
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,\t\r\n", r) }) {
		raw, err := base64.StdEncoding.DecodeString(word)
		if err != nil {
			raw, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(word, "="))
		}
		if err != nil || len(raw) != keySize {
			return Keys{}, canon.Errorf("vault.key", "key %d is not 32 bytes in base64", len(k.ring)+1).
				WithHint("Make one with: openssl rand -base64 32")
		}
		key, err := newSealKey(raw)
		if err != nil {
			return Keys{}, canon.Errorf("vault.key", "key %d cannot be used: %w", len(k.ring)+1, err)
		}
		k.ring = append(k.ring, key)
	}
	if len(k.ring) == 0 {
		return Keys{}, canon.Errorf("vault.key", "there is no key").WithHint("Make one with: openssl rand -base64 32")
	}
	return k, nil
}

func newSealKey(raw []byte) (sealKey, error) {
	block, err := aes.NewCipher(raw)
	if err != nil {
		return sealKey{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return sealKey{}, err
	}
	sum := sha256.Sum256(append([]byte("hub vault key\x00"), raw...))
	return sealKey{[keyID]byte(sum[:keyID]), aead}, nil
}

// LoadKeys returns the keys of env, the value of HUB_KEY, or where that is empty those of the key file in dir,
// which is made where it is missing. It returns a canon.Error with code vault.key.
func LoadKeys(dir, env string) (Keys, error) {
	if strings.TrimSpace(env) != "" {
		k, err := ParseKeys(env)
		if err != nil {
			e := canon.AsError(err)
			e.Message = "HUB_KEY: " + e.Message
			return Keys{}, e
		}
		return k, nil
	}
	path := filepath.Join(dir, keyFile)
	text, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKeyFile(path, newKeyText()); err == nil {
			text, err = readKeyFile(path)
		}
	}
	if err != nil {
		return Keys{}, keyError(path, err)
	}
	k, err := ParseKeys(text)
	if err != nil {
		e := canon.AsError(err)
		e.Message = path + ": " + e.Message
		return Keys{}, e.WithHint("Restore the file from a backup: without its key, tokens have to be fetched again with `hub connect`. To begin anew, move it away.")
	}
	return k, nil
}

func keyError(path string, err error) error {
	var known *canon.Error
	if errors.As(err, &known) {
		return known
	}
	return canon.Errorf("vault.key", "the key file %s cannot be used: %w", path, err).
		WithHint("Check that data_dir exists and is writable, or set HUB_KEY.")
}

// readKeyFile refuses a key that others may read: it was perhaps read already.
func readKeyFile(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", canon.Errorf("vault.key", "the key file %s is no regular file", path).WithHint("Put the key into a file of its own, or set HUB_KEY.")
	}
	// Windows keeps who may read elsewhere.
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", canon.Errorf("vault.key", "the key file %s may be read by others (mode %04o)", path, info.Mode().Perm()).
			WithHint("Run: chmod 600 %s — and where others have had access, `hub vault rotate` as well.", path)
	}
	if info.Size() > 64<<10 {
		return "", canon.Errorf("vault.key", "the key file %s is too large to hold keys", path).WithHint("It holds one key of 32 bytes in base64 per line.")
	}
	b, err := os.ReadFile(path)
	return string(b), err
}

func newKeyText() string {
	raw := make([]byte, keySize)
	_, _ = rand.Read(raw) // never fails
	return base64.StdEncoding.EncodeToString(raw) + "\n"
}

// makeKeyFile writes the file whole and durable before it gets its name, and takes no other's place: of two
// processes that begin at once, both use the key of the first.
func makeKeyFile(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temp, err := writeKey(path, text)
	if err != nil {
		return err
	}
	err = os.Link(temp, path)
	if removeErr := os.Remove(temp); err == nil || errors.Is(err, fs.ErrExist) {
		err = removeErr
	}
	return err
}

func writeKey(path, text string) (temp string, err error) {
	// Files made so are readable by their owner alone.
	f, err := os.CreateTemp(filepath.Dir(path), keyFile+".*")
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// AddKey puts a new key before those of the key file in dir, and returns them all. Reseal then seals what is
// kept with the new one.
func AddKey(dir string) (Keys, error) {
	path := filepath.Join(dir, keyFile)
	if _, err := LoadKeys(dir, ""); err != nil {
		return Keys{}, err
	}
	old, err := readKeyFile(path)
	if err != nil {
		return Keys{}, keyError(path, err)
	}
	temp, err := writeKey(path, newKeyText()+old)
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return Keys{}, keyError(path, err)
	}
	return LoadKeys(dir, "")
}

// about binds a sealed value to its place, so that one put elsewhere does not open.
func about(connection, name string) []byte {
	b := binary.BigEndian.AppendUint32([]byte("hub vault\x00"), uint32(len(connection)))
	return append(append(b, connection...), name...)
}

// seal closes a value. What it returns begins with the version and the key's id, which are bound too.
func (k Keys) seal(connection, name string, value []byte) []byte {
	head := append([]byte{sealed}, k.ring[0].id[:]...)
	return k.ring[0].aead.Seal(head, nil, value, append(about(connection, name), head...))
}

// open opens a sealed value, nil for nil.
func (k Keys) open(connection, name string, box []byte) ([]byte, error) {
	if box == nil {
		return nil, nil
	}
	if len(box) < 1+keyID || box[0] != sealed {
		return nil, canon.Errorf("vault.broken", "the value %s kept for connection %s is not what the vault wrote", name, connection).
			WithHint("Connect it again with `hub connect %s`.", connection)
	}
	head := box[:1+keyID]
	for _, key := range k.ring {
		if [keyID]byte(head[1:]) != key.id {
			continue
		}
		value, err := key.aead.Open(nil, nil, box[1+keyID:], append(about(connection, name), head...))
		if err != nil {
			return nil, canon.Errorf("vault.broken", "the value %s kept for connection %s was changed since it was sealed", name, connection).
				WithHint("Restore the store from a backup, or connect it again with `hub connect %s`.", connection)
		}
		if value == nil {
			value = []byte{}
		}
		return value, nil
	}
	return nil, canon.Errorf("vault.key", "the value %s kept for connection %s was sealed with a key that is not at hand", name, connection).
		WithHint("Bring the key back, in HUB_KEY or in %s, or connect it again with `hub connect %s`.", keyFile, connection)
}
