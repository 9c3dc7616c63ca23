// The layers of a stage: what is copied into it, and what its commands change.
package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

func (s *stage) layer(fill func(*tar.Writer) error) error {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := errors.Join(fill(w), w.Close()); err != nil {
		return err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(out.Bytes())), nil })
	if err == nil {
		s.image, err = mutate.AppendLayers(s.image, l)
	}
	return err
}

func put(w *tar.Writer, file, as string, change func(*tar.Header)) error {
	st, err := os.Lstat(file)
	if err != nil {
		return err
	}
	link := ""
	if st.Mode()&fs.ModeSymlink != 0 {
		link, _ = os.Readlink(file)
	}
	h, err := tar.FileInfoHeader(st, link)
	if err != nil {
		return err
	}
	h.Name, h.Uname, h.Gname = strings.TrimPrefix(as, "/"), "", ""
	if st.IsDir() {
		h.Name += "/"
	}
	change(h)
	if err := w.WriteHeader(h); err != nil || !st.Mode().IsRegular() {
		return err
	}
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(w, in)
	return err
}

func (s *stage) copy(from string, what instructions.SourcesAndDest, chown, chmod string) error {
	uid, gid, mode := 0, 0, int64(-1)
	if chown != "" {
		user, group, two := strings.Cut(chown, ":")
		var e1, e2 error
		uid, e1 = strconv.Atoi(user)
		if gid = uid; two {
			gid, e2 = strconv.Atoi(group)
		}
		if err := errors.Join(e1, e2); err != nil {
			return err
		}
	}
	if chmod != "" {
		var err error
		if mode, err = strconv.ParseInt(chmod, 8, 32); err != nil {
			return err
		}
	}
	change := func(h *tar.Header) {
		h.Uid, h.Gid = uid, gid
		if mode >= 0 && h.Typeflag != tar.TypeSymlink {
			h.Mode = mode
		}
	}
	to := s.absolute(what.DestPath)
	var sources []string
	for _, p := range what.SourcePaths {
		found, err := filepath.Glob(filepath.Join(from, path.Clean("/"+p)))
		if err != nil || len(found) == 0 {
			return fmt.Errorf("%s: no such file", p)
		}
		sources = append(sources, found...)
	}
	into := strings.HasSuffix(what.DestPath, "/") || what.DestPath == "." || len(sources) > 1
	return s.layer(func(w *tar.Writer) error {
		for _, at := range sources {
			st, err := os.Stat(at)
			if err != nil {
				return err
			}
			if !st.IsDir() {
				as := to
				if into {
					as = path.Join(to, filepath.Base(at))
				}
				if err := put(w, at, as, change); err != nil {
					return err
				}
				continue
			}
			err = filepath.WalkDir(at, func(p string, _ fs.DirEntry, err error) error {
				rest, _ := filepath.Rel(at, p)
				if as := path.Join(to, rest); err == nil && as != "/" {
					err = put(w, p, as, change)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *stage) extract() (string, error) {
	folder, err := scratch("root")
	if err != nil {
		return "", err
	}
	in := mutate.Extract(s.image)
	defer in.Close()
	return folder, unpack(in, folder)
}

type state struct {
	size, changed int64
	mode          fs.FileMode
}

func look(folder string) (map[string]state, error) {
	all := map[string]state{}
	err := filepath.WalkDir(folder, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == folder {
			return err
		}
		i, err := d.Info()
		if err == nil {
			st := state{size: i.Size(), mode: i.Mode()}
			if raw, ok := i.Sys().(*syscall.Stat_t); ok && !i.IsDir() {
				st.changed = raw.Ctim.Nano()
			} else if i.IsDir() {
				st.size = 0
			}
			all[strings.TrimPrefix(p, folder)] = st
		}
		return err
	})
	return all, err
}

// run runs a command in the image's root, and makes a layer of what it changed.
func (s *stage) run(command []string) error {
	folder, err := s.extract()
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	before, err := look(folder)
	if err != nil {
		return err
	}
	work := s.absolute(".")
	_ = os.MkdirAll(filepath.Join(folder, work), 0o755)
	run := exec.Command(command[0], command[1:]...)
	run.Path, run.Err, run.Dir = command[0], nil, work
	run.Env = slices.Clone(s.config.Env)
	for k, v := range s.args {
		run.Env = append(run.Env, k+"="+v)
	}
	run.SysProcAttr = &syscall.SysProcAttr{Chroot: folder}
	run.Stdout, run.Stderr = os.Stdout, os.Stderr
	if err := run.Run(); err != nil {
		return fmt.Errorf("failed to execute command: %w", err)
	}
	after, err := look(folder)
	if err != nil {
		return err
	}
	return s.layer(func(w *tar.Writer) error {
		var names []string
		for p, st := range after {
			if before[p] != st {
				names = append(names, p)
			}
		}
		slices.Sort(names)
		for _, p := range names {
			if err := put(w, filepath.Join(folder, p), p, func(*tar.Header) {}); err != nil {
				return err
			}
		}
		for p := range before {
			if _, ok := after[p]; !ok {
				h := &tar.Header{Name: strings.TrimPrefix(path.Join(path.Dir(p), ".wh."+path.Base(p)), "/"), Typeflag: tar.TypeReg}
				if err := w.WriteHeader(h); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
