// executor: a stand-in for Kaniko's executor, whose module no registry here serves. It takes the same flags for the
// context, the registry and the result, builds from a Dockerfile without an engine and without privileges, and pushes.
// Not there: caches, heredocs, ADD from an address, git and bucket contexts, users other than numbers.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

type words []string

func (w *words) String() string     { return strings.Join(*w, ",") }
func (w *words) Set(s string) error { *w = append(*w, s); return nil }

var (
	destinations, buildArgs, labels, insecureHosts, ignored                   words
	dockerfile, source, subPath, target, tarPath, digestFile, namedDigestFile string
	insecure, insecurePull, noPush, skip                                      bool
)

// flags sets up what is understood, and what is taken and changes nothing here.
func flags() *flag.FlagSet {
	f := flag.NewFlagSet("executor", flag.ExitOnError)
	text := func(at *string, value string, names ...string) {
		for _, n := range names {
			f.StringVar(at, n, value, "")
		}
	}
	text(&dockerfile, "Dockerfile", "dockerfile", "f")
	text(&source, "/workspace/", "context", "c")
	text(&subPath, "", "context-sub-path")
	text(&target, "", "target")
	text(&tarPath, "", "tar-path")
	text(&digestFile, "", "digest-file")
	text(&namedDigestFile, "", "image-name-with-digest-file")
	f.Var(&destinations, "destination", "")
	f.Var(&destinations, "d", "")
	f.Var(&buildArgs, "build-arg", "")
	f.Var(&labels, "label", "")
	f.Var(&insecureHosts, "insecure-registry", "")
	f.BoolVar(&insecure, "insecure", false, "")
	f.BoolVar(&insecurePull, "insecure-pull", false, "")
	f.BoolVar(&noPush, "no-push", false, "")
	for _, n := range []string{"force", "skip-tls-verify", "skip-tls-verify-pull", "single-snapshot", "reproducible", "cleanup", "cache",
		"use-new-run", "compressed-caching", "log-timestamp", "skip-unused-stages", "skip-push-permission-check", "cache-copy-layers", "cache-run-layers", "ignore-var-run"} {
		f.BoolVar(&skip, n, false, "taken, without effect")
	}
	for _, n := range []string{"verbosity", "v", "log-format", "snapshot-mode", "push-retry", "image-fs-extract-retry", "custom-platform",
		"cache-repo", "cache-dir", "cache-ttl", "registry-mirror", "ignore-path", "skip-tls-verify-registry", "registry-certificate"} {
		f.Var(&ignored, n, "taken, without effect")
	}
	return f
}

var began = time.Now()

func info(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "INFO[%04d] %s\n", int(time.Since(began).Seconds()), fmt.Sprintf(format, values...))
}

func main() {
	f := flags()
	_ = f.Parse(os.Args[1:])
	var err error
	if len(destinations) == 0 && !noPush {
		err = errors.New("you must provide --destination, or use --no-push")
	} else {
		err = run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error building image:", err)
		os.Exit(1)
	}
}

func run() error {
	folder, err := contextFolder()
	if err != nil {
		return fmt.Errorf("context: %w", err)
	}
	folder = filepath.Join(folder, subPath)
	file := dockerfile
	if _, e := os.Stat(file); e != nil || !filepath.IsAbs(file) {
		file = filepath.Join(folder, dockerfile)
	}
	image, err := build(folder, file)
	if err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	if tarPath != "" {
		to := "image:latest"
		if len(destinations) > 0 {
			to = destinations[0]
		}
		tag, err := name.NewTag(to)
		if err != nil {
			return err
		}
		if err := tarball.WriteToFile(tarPath, tag, image); err != nil {
			return err
		}
	}
	named := ""
	for _, d := range destinations {
		reference, err := reference(d, insecure)
		if err != nil {
			return err
		}
		named += reference.Context().Name() + "@" + digest.String() + "\n"
		if noPush {
			continue
		}
		info("Pushing image to %s", d)
		if err := remote.Write(reference, image, remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
			return fmt.Errorf("failed to push to destination %s: %w", d, err)
		}
		info("Pushed %s@%s", reference.Context().Name(), digest)
	}
	for at, what := range map[string]string{digestFile: digest.String(), namedDigestFile: named} {
		if at != "" {
			if err := os.WriteFile(at, []byte(what), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

func reference(s string, plain bool) (name.Reference, error) {
	r, err := name.ParseReference(s)
	if err == nil && (plain || slices.Contains(insecureHosts, r.Context().RegistryStr())) {
		r, err = name.ParseReference(s, name.Insecure)
	}
	return r, err
}
