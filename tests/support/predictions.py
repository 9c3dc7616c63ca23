"""Predictions at a steady rate, while something happens to the servers: was one lost, and who answered when."""
import http.client
import json
import threading
import time
from collections import Counter
from urllib.parse import urlsplit

from tap import expect, wait_until

# One that takes longer is lost.
TIMEOUT = 30
# A change that takes longer does not come.
SECONDS = 40


def predict(url, number=1, connection=None):
    """(status, answer) of one prediction; the answer is decoded JSON, or text. Raises when there is none."""
    parts = urlsplit(url)
    own = connection or http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT)
    try:
        own.request("POST", parts.path, json.dumps({"n": number}), {"Content-Type": "application/json"})
        response = own.getresponse()
        data = response.read()
    finally:
        if not connection:
            own.close()
    try:
        return response.status, json.loads(data)
    except ValueError:
        return response.status, data.decode(errors="replace")


class Prediction:
    """One prediction: number, time when it was sent (monotonic), seconds, status or None, model, problem (text) or
    None."""

    def __init__(self, number):
        self.number, self.time = number, time.monotonic()
        self.seconds, self.status, self.model, self.problem = None, None, None, None

    def send(self, url, connection):
        try:
            self.status, answer = predict(url, self.number, connection)
            if self.status != 200 or not isinstance(answer, dict):
                self.problem = f"{self.status}: {answer}"
            elif answer.get("n") != self.number:
                self.problem = f"the answer of another request: {answer}"
            else:
                self.model = answer["model"]
        except (OSError, http.client.HTTPException) as error:
            self.problem = repr(error)
        self.seconds = time.monotonic() - self.time

    def __repr__(self):
        return f"#{self.number} after {self.seconds:.3f} s: {self.problem or self.model}"


class Report:
    """What became of all predictions. `sent`: how many; `lost`: those without a right answer; `models`: answers of
    each model; `order`: the models in the order in which they first answered; `runs`: [[model, answers]…] as they
    changed."""

    def __init__(self, predictions):
        self.predictions = sorted(predictions, key=lambda one: one.time)
        self.sent = len(predictions)
        self.lost = [one for one in self.predictions if one.problem]
        answered = [one.model for one in self.predictions if not one.problem]
        self.models = Counter(answered)
        self.order = list(dict.fromkeys(answered))
        self.runs = []
        for model in answered:
            if not self.runs or self.runs[-1][0] != model:
                self.runs.append([model, 0])
            self.runs[-1][1] += 1

    def __repr__(self):
        return f"{self.sent} sent, {len(self.lost)} lost {self.lost[:5]}, answered by {self.runs}"


class Predictions:
    """Sends `rate` predictions a second to the URL until stop(). With keep_alive a sender keeps its connection, else
    each prediction has a new one. More than one sender is for predictions that take long; then the order of answers is
    only roughly that of the changes."""

    def __init__(self, url, rate=50, keep_alive=False, senders=1):
        self.url, self.rate, self.keep_alive, self.senders = url, rate, keep_alive, senders
        self.predictions, self.ended, self.lock = [], threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self._send_all, daemon=True) for _ in range(senders)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def _next(self):
        with self.lock:
            prediction = Prediction(len(self.predictions) + 1)
            self.predictions.append(prediction)
        return prediction

    def _send_all(self):
        connection = None
        if self.keep_alive:
            connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=TIMEOUT)
        due = time.monotonic()
        while not self.ended.is_set():
            prediction = self._next()
            prediction.send(self.url, connection)
            if prediction.problem and connection:
                connection.close()
            due = max(due + self.senders / self.rate, time.monotonic() - 1)
            self.ended.wait(max(0, due - time.monotonic()))
        if connection:
            connection.close()

    def answered(self, model=None):
        """How many right answers came so far, of this model or of all: for wait_until."""
        with self.lock:
            return sum(1 for one in self.predictions if one.model and model in (None, one.model))

    def stop(self):
        """Lets what was sent be answered; returns the report."""
        self.ended.set()
        for thread in self.threads:
            thread.join(TIMEOUT + 5)
        return Report([one for one in self.predictions if one.seconds is not None])


def answers(url, model, deployment=None):
    """A prediction at this URL is answered by this model, for this deployment."""
    status, answer = predict(url, 7)
    expect(status == 200 and answer["n"] == 7, url, status, answer)
    expect(answer["model"] == model, f"{url}: not model {model!r}, but", answer)
    expect(deployment is None or answer["deploymentId"] == deployment, f"{url}: not for {deployment!r}, but", answer)


def gone(url):
    """Nobody answers predictions at this URL any longer."""
    wait_until(lambda: predict(url)[0] == 404, SECONDS, f"{url} is gone")


class Watched:
    """Predictions that go on around something, and of which none may be lost. `order`: models in the order in which
    they may answer; `again`: or once more from the beginning, as when a replacement that is undone has served."""

    def __init__(self, url, *order, again=False):
        self.predictions, self.orders = Predictions(url, rate=20), [list(order)]
        if again:
            self.orders.append([*order, *order])

    def __enter__(self):
        self.predictions.__enter__()
        self.wait_for(self.orders[0][0])
        return self

    def wait_for(self, model, count=5):
        had = self.predictions.answered(model)
        wait_until(lambda: self.predictions.answered(model) >= had + count, SECONDS, f"model {model} answers")

    def __exit__(self, kind, *_):
        report = self.predictions.stop()
        if kind is None:
            expect(not report.lost, "lost predictions:", report)
            expect([model for model, _ in report.runs] in self.orders, f"not one of {self.orders}:", report)
