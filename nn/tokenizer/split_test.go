package tokenizer

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSplitWords(t *testing.T) {
	for _, tt := range []struct {
		text   string
		digits bool
		want   []string
	}{
		{"", false, nil},
		{"Hello world", false, []string{"Hello", " world"}},
		{"it's we'll 'S", false, []string{"it", "'s", " we", "'ll", " '", "S"}},
		{"a  b", false, []string{"a", " ", " b"}},
		{"a \n b", false, []string{"a", " \n", " b"}},
		{"a\nb", false, []string{"a", "\n", "b"}},
		{"a\n\nb", false, []string{"a", "\n", "\n", "b"}},
		{"a   ", false, []string{"a", "   "}},
		{"x12 34!? é日", false, []string{"x", "12", " 34", "!?", " é日"}},
		{"\xff\xfe a\xc3", false, []string{"\xff\xfe", " a", "\xc3"}},
		{"x12 3 4", true, []string{"x", "1", "2", " ", "3", " ", "4"}},
		{"12  ", true, []string{"1", "2", "  "}},
	} {
		var got []string
		splitWords(tt.text, tt.digits, func(w string) { got = append(got, w) })
		require.Equal(t, tt.want, got, "%q", tt.text)
	}
}
