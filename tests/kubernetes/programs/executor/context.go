// The context of a build: a folder, or an archive that is unpacked.
package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// contextFolder is where the context lies, unpacked if it is an archive.
func contextFolder() (string, error) {
	switch {
	case source == "tar://stdin":
		return unpackContext(os.Stdin)
	case strings.HasPrefix(source, "tar://"):
		in, err := os.Open(strings.TrimPrefix(source, "tar://"))
		if err != nil {
			return "", err
		}
		defer in.Close()
		return unpackContext(in)
	case strings.Contains(source, "://") && !strings.HasPrefix(source, "dir://"):
		return "", fmt.Errorf("%s: not of a kind that this stand-in reads", source)
	}
	folder := strings.TrimPrefix(source, "dir://")
	_, err := os.Stat(folder)
	return folder, err
}

func unpackContext(in io.Reader) (string, error) {
	zipped, err := gzip.NewReader(in)
	if err != nil {
		return "", err
	}
	folder, err := scratch("context")
	if err != nil {
		return "", err
	}
	return folder, unpack(zipped, folder)
}

func scratch(what string) (string, error) {
	for _, at := range []string{"/kaniko", os.TempDir(), "/"} {
		if folder, err := os.MkdirTemp(at, what); err == nil {
			return folder, nil
		}
	}
	return "", errors.New("no folder can be written")
}

func unpack(in io.Reader, folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	for archive := tar.NewReader(in); ; {
		h, err := archive.Next()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		at := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		if at == "" {
			continue
		}
		if err := root.MkdirAll(path.Dir(at), 0o755); err != nil {
			return err
		}
		mode := fs.FileMode(h.Mode).Perm()
		switch h.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(at, 0o755)
		case tar.TypeSymlink:
			_ = root.Remove(at)
			err = root.Symlink(h.Linkname, at)
		case tar.TypeLink:
			_ = root.Remove(at)
			err = root.Link(strings.TrimPrefix(path.Clean("/"+h.Linkname), "/"), at)
		case tar.TypeReg:
			_ = root.Remove(at)
			var out *os.File
			if out, err = root.OpenFile(at, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644); err == nil {
				_, err = io.Copy(out, archive)
				err = errors.Join(err, out.Close())
			}
		default:
			continue
		}
		if err == nil && h.Typeflag != tar.TypeSymlink {
			_ = root.Lchown(at, h.Uid, h.Gid)
			err = root.Chmod(at, mode)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}
