"""A terminal: a program in a window of a tmux server of its own, with keys typed into it, and what its screen shows."""
import os
import shutil
import subprocess
import tempfile

from support.tap import expect, poll

BOSUN = os.path.join(os.environ.get("BOSUN_BUILD", "build"), "bosun")


class Screen:
    """with Screen(argv) as screen: the program runs until the block ends. `home` is its home folder, and where it runs
    unless `folder` is given."""

    def __init__(self, argv, columns=80, rows=40, env=None, folder=None, home=None):
        self.own_home = home is None
        self.home = home or tempfile.mkdtemp(prefix="bosun-screen-")
        self.socket = os.path.join(tempfile.mkdtemp(prefix="bosun-tmux-"), "tmux")
        variables = {"HOME": self.home, "LANG": "C.UTF-8", "XDG_STATE_HOME": self.home + "/state", **(env or {})}
        words = ["env"] + [f"{name}={value}" for name, value in variables.items()] + list(argv)
        self.exit_file = os.path.join(os.path.dirname(self.socket), "exit")
        command = ["sh", "-c", 'trap : INT; "$@"; echo $? > "$0.new"; mv "$0.new" "$0"; exec sleep 600', self.exit_file] + words
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", folder or self.home,
                  *command)

    def tmux(self, *args):
        done = subprocess.run(["tmux", "-u", "-S", self.socket, *args], capture_output=True, text=True, check=False,
                              env={**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"})
        expect(done.returncode == 0, "tmux", args[0], done.stderr)
        return done.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")
        shutil.rmtree(os.path.dirname(self.socket), ignore_errors=True)
        if self.own_home:
            shutil.rmtree(self.home, ignore_errors=True)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def key(self, *names):
        self.tmux("send-keys", *names)

    def enter(self, text):
        self.type(text)
        self.key("Enter")

    def text(self):
        """All lines so far, those that have left the screen, too."""
        return self.tmux("capture-pane", "-p", "-S", "-5000").rstrip("\n")

    def wait(self, text):
        """Until the text is on the screen."""
        try:
            poll(lambda: text in self.text(), text)
        except AssertionError:
            raise AssertionError(f"never on the screen: {text}\n{self.text()}") from None

    def wait_last(self, line):
        """Until the last line is this one."""
        try:
            poll(lambda: self.text().split("\n")[-1].strip() == line, line)
        except AssertionError:
            raise AssertionError(f"never the last line: {line}\n{self.text()}") from None

    def run(self, text, prompt="bosun>"):
        """Enters a line, waits for the next prompt, and returns the lines in between."""
        before = len(self.text().split("\n"))
        self.enter(text)

        def is_done():
            lines = self.text().split("\n")
            return len(lines) > before and lines[-1].strip() == prompt
        try:
            poll(is_done, text)
        except AssertionError:
            raise AssertionError(f"no prompt after: {text}\n{self.text()}") from None
        return self.text().split("\n")[before:-1]

    def exit_status(self):
        poll(lambda: os.path.exists(self.exit_file), "the program ends")
        with open(self.exit_file, encoding="utf-8") as file:
            return int(file.read())
