// run PLUGIN PRIVATE_CONFIG ACTION ACTION_CONFIG: runs one action and prints its status as JSON, with cgo.
package main

// #cgo LDFLAGS: -lbosun
// #include <bosun.h>
// #include <stdlib.h>
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"
)

func run(plugin, privateConfig, action, actionConfig string) (string, int) {
	texts := [4]*C.char{C.CString(plugin), C.CString(privateConfig), C.CString(action), C.CString(actionConfig)}
	for _, text := range texts {
		defer C.free(unsafe.Pointer(text))
	}
	// The error is in the status.
	host := C.bosun_host_new(nil, nil)
	defer C.bosun_host_free(host)
	C.bosun_host_load(host, texts[0], texts[1], nil)
	status := C.bosun_host_run(host, texts[2], texts[3])
	defer C.bosun_status_free(status)
	return C.GoString(C.bosun_status_json(status, nil)), int(C.bosun_status_outcome(status))
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintf(os.Stderr, "usage: %s PLUGIN PRIVATE_CONFIG ACTION ACTION_CONFIG\n", os.Args[0])
		os.Exit(64)
	}
	runtime.LockOSThread() // a call is in one thread, whose stack is large enough
	json, outcome := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	fmt.Println(json)
	os.Exit(outcome)
}
