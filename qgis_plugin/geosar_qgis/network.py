"""Requests on QGIS's own network (proxies, certificates, authentication database); blocking, or on the event loop."""

from __future__ import annotations

from typing import Any, Callable

from qgis.core import QgsApplication, QgsNetworkAccessManager
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QCoreApplication, QEventLoop, QFile, QIODevice, QObject, QTimer, QUrl, pyqtSignal
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest

from .client.driving import drive
from .client.messages import (
    CancelledError,
    ClientError,
    Flow,
    LocalDiskError,
    Piece,
    RefusedError,
    Request,
    Response,
    T,
    UnreachableError,
    UntrustedError,
    Wait,
)
from .client.urls import within
from .connections import Connection
from .words import tr

IN_MEMORY = 16 * 2**20
"""Bytes; larger bodies are streamed from their file."""
BUFFER = 4 * 2**20
LOOK_MILLISECONDS = 100
_Error = QNetworkReply.NetworkError


class Exchange(QObject):
    """One request and its answer, in the thread that made it."""

    finished = pyqtSignal()

    def __init__(self, request: Request, connection: Connection, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._request = request
        self._connection = connection
        self._trouble: ClientError | None = None
        self._received = 0
        self._moved: tuple[int, int] | None = None
        self._body = bytearray()
        self._clock = QTimer(self)
        self._clock.timeout.connect(self._tell)
        self._reply = self._start()
        self._reply.setReadBufferSize(BUFFER)
        self._reply.readyRead.connect(self._read)
        self._reply.uploadProgress.connect(self._sent)
        self._reply.finished.connect(self._finish)
        self._clock.start(LOOK_MILLISECONDS)

    def stop(self) -> None:
        """Give it up; `result` then raises CancelledError."""
        self._fail(CancelledError(tr("Stopped.")))

    def result(self) -> Response:
        """Return the answer once it has finished, whatever its status; raises ClientError where there is none."""
        if self._trouble is not None:
            raise self._trouble
        reply, status = self._reply, self._status()
        number = _number(reply.error())
        # Qt's numbers below 200 are troubles on the way, those above say what the status says.
        if status is None or 0 < number < 200:
            raise self._words(number)
        headers = {bytes(name).decode("latin-1").lower(): bytes(value).decode("latin-1")
                   for name, value in ((name, reply.rawHeader(name)) for name in reply.rawHeaderList())}  # fmt: skip
        return Response(status, headers, bytes(self._body))

    def discard(self) -> None:
        """Free the reply, on the application's own thread.

        PyQt learns there, and from another thread too late, that a C++ object is gone: it then took a new reply that
        had got the address of an old one for deleted, and the process ended in the slot that read from it.
        """
        self._clock.stop()
        reply = self._reply
        reply.setParent(None)
        sip.transferto(reply, None)
        reply.moveToThread(QCoreApplication.instance().thread())
        reply.deleteLater()
        self.deleteLater()

    def _start(self) -> QNetworkReply:
        request, connection = self._request, self._connection
        network_request = QNetworkRequest(QUrl(request.url))
        attribute = QNetworkRequest.Attribute
        network_request.setAttribute(
            attribute.RedirectPolicyAttribute, QNetworkRequest.RedirectPolicy.SameOriginRedirectPolicy
        )
        network_request.setAttribute(
            attribute.CacheLoadControlAttribute, QNetworkRequest.CacheLoadControl.AlwaysNetwork
        )
        network_request.setAttribute(attribute.CacheSaveControlAttribute, False)
        for name, value in request.headers.items():
            network_request.setRawHeader(name.encode("latin-1"), value.encode("latin-1"))
        own = within(connection.url, request.url)
        authcfg = connection.authcfg if own else ""
        if own and connection.key:
            network_request.setRawHeader(b"Authorization", b"Bearer " + connection.key.encode())
        elif authcfg:
            answer = QgsApplication.authManager().updateNetworkRequest(network_request, authcfg)
            good, network_request = answer if isinstance(answer, tuple) else (answer, network_request)
            if not good:
                words = tr(
                    "The authentication configuration {0} of the connection could not be used. Was it removed, or is "
                    "the authentication database locked?"
                )
                raise RefusedError(words.format(authcfg))
        manager = QgsNetworkAccessManager.instance()
        verb, body = request.method.encode(), request.body
        if isinstance(body, Piece) and body.offset == 0 and body.length > IN_MEMORY:
            file = QFile(str(body.path))
            if not file.open(QIODevice.OpenModeFlag.ReadOnly):
                raise LocalDiskError(tr("{0} cannot be read: {1}.").format(body.path, file.errorString()))
            network_request.setHeader(QNetworkRequest.KnownHeaders.ContentLengthHeader, body.length)
            reply = manager.sendCustomRequest(network_request, verb, file)
            file.setParent(reply)
        elif verb == b"GET":
            reply = manager.get(network_request)
        elif verb == b"HEAD":
            reply = manager.head(network_request)  # as a request of another name, Qt would wait for a body
        else:
            reply = manager.sendCustomRequest(network_request, verb, body.read() if isinstance(body, Piece) else body)
        if authcfg:
            QgsApplication.authManager().updateNetworkReply(reply, authcfg)
        return reply

    def _status(self) -> int | None:
        status = self._reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
        return None if status is None else int(status)

    def _read(self) -> None:
        data = bytes(self._reply.readAll())
        path = self._request.save_to
        if path is None or (self._status() or 0) >= 300:
            self._body += data
            return
        try:
            with path.open("ab") as file:
                file.write(data)
        except OSError as error:
            words = tr("{0} could not be written to {1}: {2}.")
            self._fail(LocalDiskError(words.format(path.name, path.parent, error.strerror)))
            return
        self._received += len(data)
        length = self._reply.header(QNetworkRequest.KnownHeaders.ContentLengthHeader)
        self._moved = (self._received, int(length or 0))

    def _sent(self, done: int, total: int) -> None:
        if total > 0:
            self._moved = (done, total)

    def _tell(self) -> None:
        """Tell how far it is, from the event loop and not from the slots above.

        A dialog that draws the progress handles events. Within Qt's own signals of an upload that made it stand still
        until its time was over, in QGIS's batch, where algorithms run on the thread of the window.
        """
        moved, self._moved = self._moved, None
        if moved is not None and self._request.report is not None:
            self._request.report(*moved)

    def _finish(self) -> None:
        self._clock.stop()
        if self._trouble is None:
            self._read()
        self.finished.emit()

    def _fail(self, trouble: ClientError) -> None:
        if self._trouble is None and not self._reply.isFinished():
            self._trouble = trouble
            self._reply.abort()

    def _words(self, number: int) -> ClientError:
        url, reason = self._connection.url, self._reply.errorString()
        if number == _number(_Error.SslHandshakeFailedError):
            words = tr(
                "The certificate of {0} is not trusted ({1}). Add it in QGIS's options under Authentication, or ask "
                "who runs the service."
            )
            return UntrustedError(words.format(url, reason))
        if number in (_number(_Error.OperationCanceledError), _number(_Error.TimeoutError)):
            words = tr("{0} did not answer in time. Is it busy, or is the network slow?")
            return UnreachableError(words.format(url))
        if number in (_number(_Error.RemoteHostClosedError), _number(_Error.TemporaryNetworkFailureError)):
            return UnreachableError(tr("The connection to {0} was cut off.").format(url))
        words = tr("{0} cannot be reached: {1}. Is the service running, is the URL right?")
        return UnreachableError(words.format(url, reason))


def send(connection: Connection) -> Callable[[Request, Callable[[], bool]], Response]:
    """Return a function that sends a request and waits, while the events of its thread go on."""

    def sender(request: Request, cancelled: Callable[[], bool]) -> Response:
        exchange = Exchange(request, connection)
        loop, clock = QEventLoop(), QTimer()
        exchange.finished.connect(loop.quit)
        clock.timeout.connect(lambda: exchange.stop() if cancelled() else None)
        clock.start(LOOK_MILLISECONDS)
        try:
            loop.exec()
            return exchange.result()
        finally:
            clock.stop()
            exchange.discard()

    return sender


def carry_out(flow: Flow[T], connection: Connection, cancelled: Callable[[], bool]) -> T:
    """Carry out a conversation, waiting for its end; a window whose thread this is (as in QGIS's batch) stays alive."""
    return drive(flow, send(connection), cancelled, _rest)


def _rest(seconds: float) -> None:
    """Wait while the thread's events go on."""
    loop = QEventLoop()
    QTimer.singleShot(int(1000 * seconds), loop.quit)
    loop.exec()


class Conversation(QObject):
    """A conversation on the event loop: `succeeded` or `failed` once, then it removes itself."""

    succeeded = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(self, flow: Flow[Any], connection: Connection, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._flow = flow
        self._connection = connection
        self._exchange: Exchange | None = None
        self._over = False
        self._clock = QTimer(self)
        self._clock.setSingleShot(True)
        self._clock.timeout.connect(self._step)
        self._clock.start(0)

    def stop(self) -> None:
        """End it without a word; one that has ended already stays so."""
        if self._over:
            return
        self._over = True
        self._clock.stop()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.finished.disconnect(self._answered)
            exchange.stop()
            exchange.discard()
        self._flow.close()
        self.deleteLater()

    def _step(self, answer: Response | Exception | None = None) -> None:
        if self._over:
            return
        try:
            step = self._flow.throw(answer) if isinstance(answer, Exception) else self._flow.send(answer)
            if isinstance(step, Wait):
                self._clock.start(int(1000 * step.seconds))
                return
            self._exchange = Exchange(step, self._connection)
            self._exchange.finished.connect(self._answered)
        except StopIteration as end:
            self._end(self.succeeded, end.value)
        except ClientError as error:
            self._end(self.failed, error)

    def _answered(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        try:
            answer: Response | ClientError = exchange.result()
        except ClientError as error:
            answer = error
        exchange.discard()
        self._step(answer)

    def _end(self, signal: Any, value: Any) -> None:
        self._over = True
        signal.emit(value)
        self.deleteLater()


def _number(value: Any) -> int:
    """Return the number of an enum's member, which is a number itself with Qt 5 and has one with Qt 6."""
    return int(getattr(value, "value", value))
