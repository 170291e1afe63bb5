package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/noema-ml/noema/rlpf"
	"github.com/noema-ml/noema/userllm/history"
)

// world is what is known of the users.
type world struct {
	data   *history.Dataset
	people []history.Person // nil: nothing
	truth  *history.Truth   // nil: there is none
	sha256 string           // of the data
}

// read opens the data set that the options name.
func (o options) read() (*world, error) {
	say("%s", o.title())
	w := &world{}
	if o.Dataset == synthetic {
		w.data, w.truth = rlpf.SyntheticData(1, o.Quick)
	} else {
		var err error
		if w.data, err = history.Open(o.Data, o.Dataset); err != nil {
			return nil, err
		}
		if o.Dataset == "ml-1m" && exists(o.Data, "users.dat") {
			if w.people, err = history.People(o.Data, w.data); err != nil {
				return nil, err
			}
		}
	}
	d := w.data
	say("%d users, %d items, %d events, %d genres", len(d.Users), len(d.Items), d.NumEvents(), len(d.Genres))
	// Whoever is too few to be divided is told so before there is a folder.
	c := o.config()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.WithDefaults()
	_, err := rlpf.DivideUsers(d, c.Ask, c.Exam.Places, o.Seed)
	w.sha256 = fingerprint(d, w.people)
	return w, err
}

func exists(dir, name string) bool {
	for _, n := range []string{name, name + ".gz"} {
		if _, err := os.Stat(filepath.Join(dir, n)); err == nil {
			return true
		}
	}
	return false
}

// fingerprint is a hash of everything that is known.
func fingerprint(d *history.Dataset, people []history.Person) string {
	h := sha256.New()
	fmt.Fprintln(h, d.Name, d.Genres, d.HasRatings, d.HasTimes, people)
	for _, item := range d.Items {
		fmt.Fprintf(h, "%q %q %v\n", item.Key, item.Title, item.Genres)
	}
	var b []byte
	for _, u := range d.Users {
		b = fmt.Appendf(b[:0], "%q %d\n", u.Key, len(u.Events))
		for _, e := range u.Events {
			b = binary.LittleEndian.AppendUint32(b, uint32(e.Item))
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(e.Rating))
			b = binary.LittleEndian.AppendUint64(b, uint64(e.Time))
		}
		h.Write(b)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
