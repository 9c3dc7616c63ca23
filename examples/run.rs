//! run PLUGIN PRIVATE_CONFIG ACTION ACTION_CONFIG: runs one action and prints its status as JSON.
use std::env;
use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::process::exit;
use std::ptr::{null, null_mut};

#[link(name = "bosun")]
extern "C" {
    fn bosun_host_new(options: *const c_void, error: *mut c_void) -> *mut c_void;
    fn bosun_host_free(host: *mut c_void);
    fn bosun_host_load(host: *mut c_void, plugin: *const c_char, config: *const c_char, error: *mut c_void) -> c_int;
    fn bosun_host_run(host: *mut c_void, action: *const c_char, config: *const c_char) -> *mut c_void;
    fn bosun_status_json(status: *mut c_void, len: *mut usize) -> *const c_char;
    fn bosun_status_outcome(status: *const c_void) -> c_int;
    fn bosun_status_free(status: *mut c_void);
}

/// A host, freed when it goes out of scope.
struct Host(*mut c_void);

impl Drop for Host {
    fn drop(&mut self) {
        unsafe { bosun_host_free(self.0) }
    }
}

impl Host {
    fn run(&self, action: &CString, config: &CString) -> (String, i32) {
        unsafe {
            let status = bosun_host_run(self.0, action.as_ptr(), config.as_ptr());
            let json = bosun_status_json(status, null_mut());
            assert!(!json.is_null(), "out of memory");
            let answer = CStr::from_ptr(json).to_string_lossy().into_owned();
            let outcome = bosun_status_outcome(status);
            bosun_status_free(status);
            (answer, outcome)
        }
    }
}

fn main() {
    let words: Vec<CString> = env::args().skip(1).map(|word| CString::new(word).unwrap()).collect();
    if words.len() != 4 {
        eprintln!("usage: run PLUGIN PRIVATE_CONFIG ACTION ACTION_CONFIG");
        exit(64);
    }
    let host = Host(unsafe { bosun_host_new(null(), null_mut()) });
    // If this fails, the status of run says so.
    unsafe { bosun_host_load(host.0, words[0].as_ptr(), words[1].as_ptr(), null_mut()) };
    let (json, outcome) = host.run(&words[2], &words[3]);
    println!("{json}");
    drop(host);
    exit(outcome);
}
