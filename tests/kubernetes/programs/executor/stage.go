// The stages of a build: what the instructions of a Dockerfile make of an image.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

type stage struct {
	image  v1.Image
	config v1.Config
	args   map[string]string
	user   string
}

func (s *stage) Get(key string) (string, bool) {
	for i := len(s.config.Env) - 1; i >= 0; i-- {
		if k, v, _ := strings.Cut(s.config.Env[i], "="); k == key {
			return v, true
		}
	}
	v, ok := s.args[key]
	return v, ok
}

func (s *stage) Keys() (keys []string) {
	for _, e := range s.config.Env {
		k, _, _ := strings.Cut(e, "=")
		keys = append(keys, k)
	}
	for k := range s.args {
		keys = append(keys, k)
	}
	return keys
}

func (s *stage) setEnv(key, value string) {
	s.config.Env = slices.DeleteFunc(s.config.Env, func(e string) bool { return strings.HasPrefix(e, key+"=") })
	s.config.Env = append(s.config.Env, key+"="+value)
}

func given(key string) (string, bool) {
	for _, a := range buildArgs {
		if k, v, has := strings.Cut(a, "="); k == key {
			if !has {
				v = os.Getenv(k)
			}
			return v, true
		}
	}
	return "", false
}

func setArgs(into map[string]string, list []instructions.KeyValuePairOptional) {
	for _, a := range list {
		if v, ok := given(a.Key); ok {
			into[a.Key] = v
		} else if a.Value != nil {
			into[a.Key] = *a.Value
		} else if _, ok := into[a.Key]; !ok {
			into[a.Key] = ""
		}
	}
}

func build(folder, file string) (v1.Image, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	tree, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	parts, global, err := instructions.Parse(tree.AST, nil)
	if err != nil {
		return nil, err
	}
	lex := shell.NewLex(tree.EscapeToken)
	before := &stage{args: map[string]string{}}
	for _, a := range global {
		setArgs(before.args, a.Args)
	}
	built := map[string]*stage{}
	var last *stage
	for i, part := range parts {
		base, _, err := lex.ProcessWord(part.BaseName, before)
		if err != nil {
			return nil, err
		}
		s := &stage{args: map[string]string{}}
		if from, ok := built[strings.ToLower(base)]; ok {
			s.image, s.config = from.image, from.config
			s.config.Env = slices.Clone(s.config.Env)
		} else if base == "scratch" {
			s.image = empty.Image
		} else if s.image, err = pull(base); err != nil {
			return nil, err
		}
		if c, err := s.image.ConfigFile(); err == nil && len(s.config.Env) == 0 {
			s.config = c.Config
		}
		for _, command := range part.Commands {
			info("%s", command)
			if expand, ok := command.(instructions.SupportsSingleWordExpansion); ok {
				err = expand.Expand(func(w string) (string, error) { r, _, err := lex.ProcessWord(w, s); return r, err })
			}
			if err == nil {
				err = s.apply(command, folder, built, before)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", command, err)
			}
		}
		built[strconv.Itoa(i)], last = s, s
		if part.Name != "" {
			built[strings.ToLower(part.Name)] = s
		}
		if target != "" && strings.EqualFold(target, part.Name) {
			break
		}
	}
	for _, l := range labels {
		k, v, _ := strings.Cut(l, "=")
		last.label(k, v)
	}
	return mutate.Config(last.image, last.config)
}

func pull(s string) (v1.Image, error) {
	r, err := reference(s, insecurePull || insecure)
	if err != nil {
		return nil, err
	}
	info("Retrieving image manifest %s", s)
	return remote.Image(r, remote.WithAuthFromKeychain(authn.DefaultKeychain))
}

func (s *stage) label(key, value string) {
	all := map[string]string{key: value}
	for k, v := range s.config.Labels {
		if k != key {
			all[k] = v
		}
	}
	s.config.Labels = all
}

func (s *stage) apply(command instructions.Command, folder string, built map[string]*stage, before *stage) error {
	switch c := command.(type) {
	case *instructions.ArgCommand:
		for _, a := range c.Args {
			if v, ok := before.args[a.Key]; ok && a.Value == nil {
				s.args[a.Key] = v
			}
		}
		setArgs(s.args, c.Args)
	case *instructions.EnvCommand:
		for _, e := range c.Env {
			s.setEnv(e.Key, e.Value)
		}
	case *instructions.LabelCommand:
		for _, l := range c.Labels {
			s.label(l.Key, l.Value)
		}
	case *instructions.WorkdirCommand:
		s.config.WorkingDir = s.absolute(c.Path)
	case *instructions.UserCommand:
		s.config.User = c.User
	case *instructions.CmdCommand:
		s.config.Cmd = shellWords(c.ShellDependantCmdLine)
	case *instructions.EntrypointCommand:
		s.config.Entrypoint = shellWords(c.ShellDependantCmdLine)
		s.config.Cmd = nil
	case *instructions.ExposeCommand:
		ports := map[string]struct{}{}
		for p := range s.config.ExposedPorts {
			ports[p] = struct{}{}
		}
		for _, p := range c.Ports {
			if !strings.Contains(p, "/") {
				p += "/tcp"
			}
			ports[p] = struct{}{}
		}
		s.config.ExposedPorts = ports
	case *instructions.StopSignalCommand:
		s.config.StopSignal = c.Signal
	case *instructions.CopyCommand:
		from := folder
		if c.From != "" {
			other, ok := built[strings.ToLower(c.From)]
			if !ok {
				image, err := pull(c.From)
				if err != nil {
					return err
				}
				other = &stage{image: image}
			}
			var err error
			if from, err = other.extract(); err != nil {
				return err
			}
			defer os.RemoveAll(from)
		}
		return s.copy(from, c.SourcesAndDest, c.Chown, c.Chmod)
	case *instructions.AddCommand:
		return s.copy(folder, c.SourcesAndDest, c.Chown, c.Chmod)
	case *instructions.RunCommand:
		return s.run(shellWords(c.ShellDependantCmdLine))
	case *instructions.MaintainerCommand, *instructions.VolumeCommand, *instructions.HealthCheckCommand, *instructions.ShellCommand:
	default:
		return errors.New("not known to this stand-in")
	}
	return nil
}

func shellWords(line instructions.ShellDependantCmdLine) []string {
	if line.PrependShell {
		return append([]string{"/bin/sh", "-c"}, line.CmdLine...)
	}
	return line.CmdLine
}

func (s *stage) absolute(p string) string {
	if !path.IsAbs(p) {
		p = path.Join("/", s.config.WorkingDir, p)
	}
	return path.Clean(p)
}

// layer adds a layer with what fill writes.
