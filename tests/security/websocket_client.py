"""A client of the app's websocket that sends whatever it likes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect

RUN_WITHIN_S = 60.0
COOKIE = "phantom_sign_in"


@dataclass
class Drawn:
    """What one run of the script drew.

    Attributes:
        widgets: kind of each widget by its id, such as "button".
        texts: of all elements.
        fragments: ids of the parts that can be run alone.
        tracebacks: exceptions that were drawn.
        session: id of the browser session.
    """

    widgets: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    fragments: set[str] = field(default_factory=set)
    tracebacks: list[str] = field(default_factory=list)
    session: str = ""


class Window:
    """A browser window, as the server sees it."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def run(
        self, page: str = "", states: tuple[WidgetState, ...] = (), query: str = "", part: str = ""
    ) -> Drawn:
        """Run the script of a page with forged widget states.

        Args:
            page: name in the address.
            states: of widgets, known or not.
            query: behind the address's question mark.
            part: id of the fragment to run; empty runs the whole page.
        """
        message = BackMsg()
        message.rerun_script.page_name = page
        message.rerun_script.query_string = query
        message.rerun_script.fragment_id = part
        message.rerun_script.widget_states.widgets.extend(states)
        self.send(message.SerializeToString())
        return self.drawn()

    def send(self, content: bytes) -> None:
        """Send any bytes."""
        self._connection.send(content)

    def wait_closed(self, seconds: float) -> None:
        """Read until the server closes the window.

        Raises:
            ConnectionClosed: it did.
            TimeoutError: it sent nothing for that long.
        """
        while True:
            self._connection.recv(timeout=seconds)

    def drawn(self) -> Drawn:
        """What comes until the script has ended."""
        found = Drawn()
        while True:
            content = self._connection.recv(timeout=RUN_WITHIN_S)
            message = ForwardMsg()
            message.ParseFromString(content if isinstance(content, bytes) else content.encode())
            if message.WhichOneof("type") == "new_session":
                found.session = message.new_session.initialize.session_id
            if message.WhichOneof("type") == "script_finished":
                return found
            if message.WhichOneof("type") == "delta":
                _read(message, found)


def sign_in(url: str, login: str, password: str) -> str:
    """The sign-in token of an account.

    Raises:
        KeyError: the sign-in was refused.
    """
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    answer = httpx.post(
        f"{url}/account/sign-in",
        data={"login": login, "password": password},
        headers={"Origin": origin, "Referer": f"{url}/"},
    )
    return answer.cookies[COOKIE]


@contextmanager
def window(url: str, token: str = "", **headers: str) -> Iterator[Window]:
    """Open the app's websocket.

    Args:
        url: of the app.
        token: of a sign-in; empty for a visitor.
        headers: more of them, such as Host.
    """
    parts = urlsplit(url)
    more = {"Cookie": f"{COOKIE}={token}", **headers} if token else headers
    with connect(
        f"ws://{parts.netloc}{parts.path}/_stcore/stream",
        origin=f"{parts.scheme}://{parts.netloc}",  # type: ignore[arg-type]
        subprotocols=["streamlit"],  # type: ignore[list-item]
        additional_headers=more,
        max_size=None,
        open_timeout=20,
    ) as connection:
        yield Window(connection)


def _read(message: ForwardMsg, found: Drawn) -> None:
    delta = message.delta
    if delta.fragment_id:
        found.fragments.add(delta.fragment_id)
    shown = delta.new_element if delta.WhichOneof("type") == "new_element" else delta.add_block
    kind = shown.WhichOneof("type")
    if kind is None:
        return
    element = getattr(shown, kind)
    names = {one.name for one in element.DESCRIPTOR.fields}
    if kind == "exception":
        found.tracebacks.append(str(element))
    if "id" in names and getattr(element, "id", ""):
        found.widgets[element.id] = kind
    found.texts += [
        str(getattr(element, name)) for name in ("body", "label", "value") if name in names
    ]
