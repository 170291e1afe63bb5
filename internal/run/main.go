package run

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// ErrInterrupted is the cause of a context that Context cancelled.
var ErrInterrupted = errors.New("interrupted")

// Context returns a context that the first Ctrl-C (SIGINT or SIGTERM) cancels,
// with a line on standard error, so that the program can save and leave; the
// second ends the process at once with code 130. stop gives the signals back.
func Context() (ctx context.Context, stop func()) {
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	ctx, quit := watch(c, os.Stderr, os.Exit)
	return ctx, func() {
		signal.Stop(c)
		quit()
	}
}

func watch(c <-chan os.Signal, w io.Writer, exit func(int)) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan struct{})
	var once sync.Once
	go func() {
		select {
		case <-c:
		case <-done:
			return
		}
		fmt.Fprintln(w, "\nStopping after this step and saving; Ctrl-C again quits at once.")
		cancel(ErrInterrupted)
		select {
		case <-c:
			exit(130)
		case <-done:
		}
	}()
	return ctx, func() {
		cancel(context.Canceled)
		once.Do(func() { close(done) })
	}
}

// Main is the whole of a program's main function: it runs f under Context,
// prints its error as one line on standard error and exits with Code(err).
func Main(name string, f func(ctx context.Context) error) {
	ctx, stop := Context()
	err := f(ctx)
	if err != nil && errors.Is(context.Cause(ctx), ErrInterrupted) && errors.Is(err, context.Canceled) {
		err = ErrInterrupted
	}
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "%s: %s\n", name, plain(err.Error()))
	}
	os.Exit(Code(err))
}

// Code returns the exit code that an error stands for: 0 for none and for -h,
// 2 for a mistake in the flags (UsageError), 130 after Ctrl-C, else 1.
func Code(err error) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if _, ok := errors.AsType[*UsageError](err); ok {
		return 2
	}
	if errors.Is(err, ErrInterrupted) {
		return 130
	}
	return 1
}
