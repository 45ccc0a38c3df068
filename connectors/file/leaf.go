package file

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// putter writes a value of a leaf as JSON.
type putter func(out []byte, v parquet.Value) []byte

// maxScale is more decimal places than any decimal type has digits.
const maxScale = 1000

// writerOf returns how a leaf's values are written: by its logical type, its older converted type, or else by
// how they are stored.
func writerOf(e *format.SchemaElement) (putter, error) {
	stored := e.Type.V
	whole := stored == format.Int32 || stored == format.Int64
	bytewise := stored == format.ByteArray || stored == format.FixedLenByteArray
	switch l := logical(e).(type) {
	case *format.DecimalType:
		if l.Scale < 0 || l.Scale > maxScale {
			return nil, fmt.Errorf("the file is damaged: the column %s has %d decimal places", e.Name, l.Scale)
		}
		if whole || bytewise {
			return putDecimal(int(l.Scale)), nil
		}
	case *format.DateType:
		if whole {
			return func(out []byte, v parquet.Value) []byte {
				return append(out, quote(time.Unix(0, 0).UTC().AddDate(0, 0, int(v.Int32())).Format(time.DateOnly))...)
			}, nil
		}
	case *format.TimestampType:
		if whole && l.Unit.Value != nil {
			return putTimestamp(l.Unit.Value.Duration()), nil
		}
	case *format.TimeType:
		if whole && l.Unit.Value != nil {
			return putTime(l.Unit.Value.Duration()), nil
		}
	case *format.IntType:
		if whole && !l.IsSigned {
			return putUnsigned(stored), nil
		}
	case *format.StringType, *format.EnumType:
		if bytewise {
			return func(out []byte, v parquet.Value) []byte {
				return append(out, quote(strings.ToValidUTF8(string(v.ByteArray()), "\ufffd"))...)
			}, nil
		}
	case *format.JsonType:
		if bytewise {
			return putJSON, nil
		}
	case *format.UUIDType:
		if bytewise {
			return putUUID, nil
		}
	case *format.Float16Type:
		if bytewise {
			return putHalf, nil
		}
	}
	return plain(stored), nil
}

// logical returns the element's logical type, or the one that its converted type stands for.
func logical(e *format.SchemaElement) format.LogicalTypeValue {
	if e.LogicalType.Value != nil || !e.ConvertedType.Valid {
		return e.LogicalType.Value
	}
	millis := format.TimeUnit{Value: &format.MilliSeconds{}}
	micros := format.TimeUnit{Value: &format.MicroSeconds{}}
	switch e.ConvertedType.V {
	case deprecated.UTF8:
		return &format.StringType{}
	case deprecated.Enum:
		return &format.EnumType{}
	case deprecated.Json:
		return &format.JsonType{}
	case deprecated.Decimal:
		return &format.DecimalType{Scale: e.Scale.V, Precision: e.Precision.V}
	case deprecated.Date:
		return &format.DateType{}
	case deprecated.TimeMillis:
		return &format.TimeType{Unit: millis}
	case deprecated.TimeMicros:
		return &format.TimeType{Unit: micros}
	case deprecated.TimestampMillis:
		return &format.TimestampType{Unit: millis}
	case deprecated.TimestampMicros:
		return &format.TimestampType{Unit: micros}
	case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64:
		return &format.IntType{}
	}
	return nil
}

// plain writes what has no logical type.
func plain(stored format.Type) putter {
	switch stored {
	case format.Boolean:
		return func(out []byte, v parquet.Value) []byte { return strconv.AppendBool(out, v.Boolean()) }
	case format.Int32:
		return func(out []byte, v parquet.Value) []byte { return strconv.AppendInt(out, int64(v.Int32()), 10) }
	case format.Int64:
		return func(out []byte, v parquet.Value) []byte { return strconv.AppendInt(out, v.Int64(), 10) }
	case format.Int96:
		return putInt96
	case format.Float:
		return func(out []byte, v parquet.Value) []byte { return putFloat(out, float64(v.Float()), 32) }
	case format.Double:
		return func(out []byte, v parquet.Value) []byte { return putFloat(out, v.Double(), 64) }
	}
	return func(out []byte, v parquet.Value) []byte {
		return append(out, quote(base64.StdEncoding.EncodeToString(v.ByteArray()))...)
	}
}

// putFloat writes what is no number as a text, as JSON has no word for it.
func putFloat(out []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(out, quote(strconv.FormatFloat(f, 'g', -1, bits))...)
	}
	form := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		form = 'e'
	}
	return strconv.AppendFloat(out, f, form, -1, bits)
}

// integer reads a whole number, however it is stored.
func integer(v parquet.Value) *big.Int {
	switch v.Kind() {
	case parquet.Int32:
		return big.NewInt(int64(v.Int32()))
	case parquet.Int64:
		return big.NewInt(v.Int64())
	}
	b := v.ByteArray()
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 { // two's complement
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return n
}

// putDecimal writes a number with all its decimal places.
func putDecimal(scale int) putter {
	return func(out []byte, v parquet.Value) []byte {
		n := integer(v)
		if n.Sign() < 0 {
			out = append(out, '-')
		}
		digits := n.Abs(n).String()
		if scale == 0 {
			return append(out, digits...)
		}
		if short := scale + 1 - len(digits); short > 0 {
			digits = strings.Repeat("0", short) + digits
		}
		out = append(append(out, digits[:len(digits)-scale]...), '.')
		return append(out, digits[len(digits)-scale:]...)
	}
}

func putUnsigned(stored format.Type) putter {
	if stored == format.Int32 {
		return func(out []byte, v parquet.Value) []byte { return strconv.AppendUint(out, uint64(v.Uint32()), 10) }
	}
	return func(out []byte, v parquet.Value) []byte { return strconv.AppendUint(out, v.Uint64(), 10) }
}

// whole returns a stored whole number.
func whole(v parquet.Value) int64 {
	if v.Kind() == parquet.Int32 {
		return int64(v.Int32())
	}
	return v.Int64()
}

// putTimestamp writes a time in UTC; those that are local to nowhere in particular are taken for UTC.
func putTimestamp(unit time.Duration) putter {
	perSecond := int64(time.Second / max(unit, 1))
	return func(out []byte, v parquet.Value) []byte {
		n := whole(v)
		seconds, rest := n/perSecond, n%perSecond
		return append(out, quote(time.Unix(seconds, rest*int64(unit)).UTC().Format(time.RFC3339Nano))...)
	}
}

func putTime(unit time.Duration) putter {
	const day = 24 * time.Hour
	return func(out []byte, v parquet.Value) []byte {
		at := time.Duration(whole(v)%int64(day/max(unit, 1))) * unit
		return append(out, quote(time.Unix(0, 0).UTC().Add(at).Format("15:04:05.999999999"))...)
	}
}

// putInt96 writes the timestamps of older programs: nanoseconds of a day, and the Julian day.
func putInt96(out []byte, v parquet.Value) []byte {
	const epoch = 2440588 // the Julian day of 1970-01-01
	n := v.Int96()
	nanos := int64(uint64(n[0]) | uint64(n[1])<<32)
	at := time.Unix((int64(n[2])-epoch)*86400, 0).UTC().Add(time.Duration(nanos))
	return append(out, quote(at.Format(time.RFC3339Nano))...)
}

// putJSON takes a document over as it is.
func putJSON(out []byte, v parquet.Value) []byte {
	var compact bytes.Buffer
	text := bytes.ToValidUTF8(v.ByteArray(), []byte("\ufffd"))
	if json.Compact(&compact, text) != nil {
		return append(out, quote(string(text))...)
	}
	return append(out, compact.Bytes()...)
}

func putUUID(out []byte, v parquet.Value) []byte {
	s := hex.EncodeToString(v.ByteArray())
	if len(s) != 32 {
		return append(out, quote(s)...)
	}
	return append(out, quote(s[:8]+"-"+s[8:12]+"-"+s[12:16]+"-"+s[16:20]+"-"+s[20:])...)
}

// putHalf writes a float of two bytes.
func putHalf(out []byte, v parquet.Value) []byte {
	b := v.ByteArray()
	if len(b) != 2 {
		return append(out, "null"...)
	}
	bits := uint16(b[0]) | uint16(b[1])<<8
	exponent, fraction := int(bits>>10&0x1f), float64(bits&0x3ff)
	f := math.Ldexp(1+fraction/1024, exponent-15)
	switch {
	case exponent == 0:
		f = math.Ldexp(fraction/1024, -14)
	case exponent == 31 && fraction == 0:
		f = math.Inf(1)
	case exponent == 31:
		f = math.NaN()
	}
	if bits&0x8000 != 0 {
		f = -f
	}
	return putFloat(out, f, 32)
}
