"""TAP for tests in Python: @test makes a function a test, main() runs them (those whose names have all the words of the
command line), expect() and poll() are how a test fails."""
import concurrent.futures
import http.client
import os
import sys
import time
import traceback

JOBS = max(2, os.cpu_count() or 2)
# More than there are processors, for cases that mostly wait.
SCENES = 5
# Nothing that a test waits for takes longer.
PATIENCE = 20

_tests = []


class Skip(Exception):
    """Raised by a test that cannot run here, with the reason."""


def test(name):
    """Makes a function a test. It fails by raising; an AssertionError's text is the reason."""
    def add(function):
        _tests.append((name, function))
        return function
    return add


def _run(function):
    """(reason or None, what to say behind the name) of a test."""
    try:
        function()
    except Skip as why:
        return None, f" # SKIP {why}"
    except AssertionError as error:
        return str(error) or traceback.format_exc(), ""
    except Exception:  # pylint: disable=broad-except
        return traceback.format_exc(), ""
    return None, ""


def main(jobs=1):
    """Runs the tests, so many at once: more than one are for tests that mostly wait."""
    chosen = [t for t in _tests if all(word in t[0] for word in sys.argv[1:])]
    print(f"1..{len(chosen)}", flush=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = pool.map(_run, [function for _, function in chosen]) if jobs > 1 else (_run(f) for _, f in chosen)
        for number, ((name, _), (reason, skipped)) in enumerate(zip(chosen, results), 1):
            failed += reason is not None
            print(f"{'ok' if reason is None else 'not ok'} {number} - {name}{skipped}")
            if reason is not None:
                print("".join(f"# {line}\n" for line in reason.splitlines()), end="")
            sys.stdout.flush()
    sys.exit(1 if failed else 0)


def expect(condition, *reason):
    if not condition:
        raise AssertionError(" ".join(str(part) for part in reason))


def sweep(cases, check):
    """Runs check(case) for all cases, several at once; raises with the first reasons when some fail."""
    def one(case):
        try:
            check(case)
        except AssertionError as error:
            return f"{case}: {error}"
        return None
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        reasons = [reason for reason in pool.map(one, cases) if reason]
    expect(not reasons, f"{len(reasons)} of {len(cases)} cases failed:\n" + "\n".join(reasons[:8]))


def poll(condition, what, seconds=PATIENCE):
    """Waits until condition() is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < deadline, f"never happened within {seconds} s: {what}")
        time.sleep(0.01)


def wait_until(predicate, seconds, what):
    """Waits until predicate() gives something true, and returns that. An OSError that it raises counts as not yet."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            last = predicate()
        except (OSError, http.client.HTTPException) as error:
            last = error
        if last and not isinstance(last, Exception):
            return last
        time.sleep(0.05)
    raise AssertionError(f"never happened within {seconds} s: {what} (last: {last!r})")


def at_once(cases, check, scenes=SCENES):
    """Runs check(case) for all cases, several at once; raises with the reasons of those that fail."""
    def one(case):
        try:
            check(case)
        except Exception as error:  # pylint: disable=broad-except
            return f"{case}: {error or repr(error)}"
        return None
    with concurrent.futures.ThreadPoolExecutor(scenes) as pool:
        reasons = [reason for reason in pool.map(one, cases) if reason]
    expect(not reasons, f"{len(reasons)} of {len(cases)} cases failed:\n" + "\n".join(reasons))
