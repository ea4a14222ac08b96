"""mqueue: queues of keys and values that routes fill and empty (src/modules/mqueue/)."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from kamscript import stores
from kamscript.core.rpc import missing
from kamscript.module import Accessor, FixupError, Module, Param, PvRef, Route, Str, function, pv_class, rpc
from kamscript.script.bind import Shown
from kamscript.sip.errors import SipError
from kamscript.sip.params import parse_params
from kamscript.stores import DatabaseError
from kamscript.values import Value, leading_int

if TYPE_CHECKING:
    from collections.abc import Callable

    from kamscript.core.context import Context
    from kamscript.core.rpc import Rpc
    from kamscript.core.server import Server

#: addmode: a key that is there already stays as it is, or goes for the new one.
_KEEP_OLDEST, _KEEP_NEWEST = 1, 2
#: dbmode, as the binary has it; the manual has 2 and 3 the other way round.
_READ: Final = (1, 2)
_WRITTEN: Final = (1, 3)
_COLUMNS: Final = ("key", "val")

Item = tuple[str, str]


class Queue:
    """A queue. `fetched` is the item that $mqk and $mqv show; `len()` counts the others.

    With `addmode` 1 and 2 a key is there once; such items are found in constant time.
    """

    def __init__(self, name: str, size: int = 0, addmode: int = 0, dbmode: int = 0) -> None:
        self.name, self.size, self.addmode, self.dbmode = name, size, addmode, dbmode
        self.fetched: Item | None = None
        self._items: OrderedDict[str | int, Item] = OrderedDict()
        self._serial = 0

    def add(self, key: str, value: str) -> None:
        """Append an item; the oldest goes when there are more than `size`."""
        place: str | int = key
        if self.addmode not in (_KEEP_OLDEST, _KEEP_NEWEST):
            place = self._serial = self._serial + 1
        elif key in self._items:
            if self.addmode == _KEEP_OLDEST:
                return
            del self._items[key]
        self._items[place] = key, value
        if 0 < self.size < len(self._items):
            self._items.popitem(last=False)

    def fetch(self) -> Item | None:
        """Take the oldest item; None without one."""
        self.fetched = self._items.popitem(last=False)[1] if self._items else None
        return self.fetched

    def items(self) -> list[Item]:
        """Keys and values, the oldest first."""
        return list(self._items.values())

    def __len__(self) -> int:
        return len(self._items)


class Mqueue(Module, name="mqueue"):
    """Queues of keys and values."""

    db_url = Param("", "Database with a table for each queue that has a `dbmode`.", since="5.6")
    mqueue = Param("", "A queue, `name=NAME;size=MOST;addmode=0;dbmode=0`; see mqueue_addmode.", set="add_queue")
    mqueue_name = Param("", "A queue with mqueue_size and mqueue_addmode.", since="5.6", set="add_named")
    mqueue_size = Param(0, "Most items of the queues behind it; 0: any number.", since="5.6", set="set_size")
    mqueue_addmode = Param(
        0,
        "A key that is in a queue behind it already: 0 comes again, 1 stays as it is, 2 goes for the new one.",
        since="5.6",
        set="set_addmode",
    )

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.queues: dict[str, Queue] = {}
        self._size = self._addmode = 0

    # -- what the config says -------------------------------------------------------------------------------------
    def add_queue(self, text: str) -> None:
        """`mqueue`."""
        try:
            params = parse_params(text.removesuffix(";"))[0]
        except SipError as error:
            raise FixupError(f"{error}: {text}") from None
        given = {"name": "", "size": "", "dbmode": "", "addmode": ""}
        for param in reversed(params):
            name = param.name.lower()
            if name not in given:
                raise FixupError(f"a queue has no attribute {param.name!r}; known are {', '.join(given)}")
            given[name] = param.value or ""
        numbers = [leading_int(given[name]) for name in ("size", "addmode", "dbmode")]
        self._add(Queue(given["name"], *numbers))

    def add_named(self, name: str) -> None:
        """`mqueue_name`."""
        self._add(Queue(name, self._size, self._addmode))

    def set_size(self, size: int) -> None:
        """`mqueue_size`."""
        self._size = size

    def set_addmode(self, mode: int) -> None:
        """`mqueue_addmode`."""
        self._addmode = mode

    def _add(self, queue: Queue) -> None:
        if not queue.name:
            raise FixupError("a queue needs a name")
        if queue.name in self.queues:
            raise FixupError(f"there is a queue {queue.name} already")
        self.queues[queue.name] = queue

    # -- life -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Read the queues that the database has."""
        kept = [queue for queue in self.queues.values() if queue.dbmode in _READ + _WRITTEN]
        if kept and not self.db_url:
            raise FixupError(f"queue {kept[0].name} has a dbmode, but there is no db_url")
        self.db = stores.bind(self.server, self.db_url) if kept else None
        for queue in kept:
            try:
                self._adopt(queue)
                if queue.dbmode in _READ:
                    self._load(queue)
            except DatabaseError as error:
                raise FixupError(f"queue {queue.name} cannot be read: {error}") from error

    def _adopt(self, queue: Queue) -> None:
        """Have the lab's database make the table; Kamailio knows none that is like it, but for the column `id`."""
        assert self.db is not None
        self.db.adopt(queue.name, "htable", rename={"key_name": "key", "key_value": "val"})

    def _load(self, queue: Queue) -> None:
        """Take the rows in the order of their ids; the table is empty behind it."""
        assert self.db is not None
        for row in self.db.query(queue.name, _COLUMNS, order="id"):
            texts = [cell.decode("latin-1") if isinstance(cell, bytes) else cell for cell in row]
            if not all(isinstance(text, str) for text in texts):
                raise FixupError(f"queue {queue.name}: a key or value is null or no text: {row}")
            queue.add(*texts)
        self.db.delete(queue.name)

    def stop(self) -> None:
        """Write the queues that are to be kept."""
        for queue in self.queues.values():
            if queue.dbmode in _WRITTEN and self.db is not None:
                try:
                    self.db.prepare_insert(queue.name, _COLUMNS).many(queue.items())
                except DatabaseError:
                    self.server.log.error(self.name, f"queue [{queue.name}] is not stored")

    # -- functions ------------------------------------------------------------------------------------------------
    def _queue(self, name: str) -> Queue | None:
        queue = self.queues.get(name)
        if queue is None:
            self.server.log.error(self.name, f"mqueue not found: {name}")
        return queue

    @function(Route.ANY)
    def mq_add(self, ctx: Context, queue: Str, key: Str, value: Str) -> bool:
        """Append an item to a queue."""
        found = self._queue(queue)
        if found is None:
            return False
        found.add(key, value)
        return True

    @function(Route.ANY)
    def mq_fetch(self, ctx: Context, queue: Str) -> int:
        """Take the oldest item, for $mqk and $mqv: 1, -2 when the queue is empty, -1 when there is no such queue."""
        found = self.queues.get(queue)
        return -1 if found is None else 1 if found.fetch() is not None else -2

    @function(Route.ANY)
    def mq_pv_free(self, ctx: Context, queue: Str) -> bool:
        """Forget the item that was fetched."""
        found = self.queues.get(queue)
        if found is not None:
            found.fetched = None
        return True

    @function(Route.ANY)
    def mq_size(self, ctx: Context, queue: Str) -> int:
        """How many items a queue has; -1 none, -2 no such queue."""
        found = self._queue(queue)
        return -2 if found is None else len(found) or -1

    # -- variables ------------------------------------------------------------------------------------------------
    @pv_class("mqk")
    def fetched_key(self, ref: PvRef) -> Accessor:
        """`$mqk(queue)`: the key of the item that was fetched last."""
        return self._accessor(ref, lambda queue: (queue.fetched[0] or None) if queue.fetched else None)

    @pv_class("mqv")
    def fetched_value(self, ref: PvRef) -> Accessor:
        """`$mqv(queue)`: the value of the item that was fetched last."""
        return self._accessor(ref, lambda queue: (queue.fetched[1] or None) if queue.fetched else None)

    @pv_class("mq_size")
    def size(self, ref: PvRef) -> Accessor:
        """`$mq_size(queue)`: how many items a queue has."""
        return self._accessor(ref, len)

    def _accessor(self, ref: PvRef, read: Callable[[Queue], Value]) -> Accessor:
        """Reads something of a queue, which may be named by one pseudo-variable; there is no text without a queue."""
        inner = ref.inner
        if ref.index is not None or not inner:
            raise FixupError(f"${ref.name}() needs the name of a queue, and takes no index")

        def queue_of(ctx: Context) -> Queue | None:
            if isinstance(inner, str):
                return self._queue(inner)
            name = inner.get(ctx) if isinstance(inner, Accessor) else inner.text  # type: ignore[attr-defined]
            return self._queue("" if name is None else str(name))

        def get(ctx: Context) -> Value:
            queue = queue_of(ctx)
            return None if queue is None else read(queue)

        def show(ctx: Context) -> str:
            queue = queue_of(ctx)
            if queue is None:
                return ""
            value = read(queue)
            return "<null>" if value is None else str(value)

        return Shown(get, show)

    # -- commands -------------------------------------------------------------------------------------------------
    @rpc("mqueue.get_size", since="5.6")
    @missing(400, "No queue name")
    def rpc_get_size(self, rpc: Rpc, name: str) -> None:
        """How many items a queue has."""
        if not name:
            raise rpc.fault(400, "Invalid queue name")
        queue = self._queue(name)
        if queue is None:
            raise rpc.fault(404, "No such queue")
        rpc.struct(name=name, size=len(queue))

    @rpc("mqueue.get_sizes", since="5.6")
    def rpc_get_sizes(self, rpc: Rpc) -> None:
        """How many items each queue has, the one that was defined last first."""
        for queue in reversed(self.queues.values()):
            rpc.struct(name=queue.name, size=len(queue))

    @rpc("mqueue.fetch", since="5.6")
    @missing(500, "No queue name")
    def rpc_fetch(self, rpc: Rpc, name: str) -> None:
        """Take the oldest item of a queue."""
        if not name:
            raise rpc.fault(500, "Invalid queue name")
        queue = self._queue(name)
        if queue is None:
            raise rpc.fault(500, "No such queue")
        item = queue.fetch()
        if item is None:
            raise rpc.fault(404, "Empty queue")
        if "" in item:
            raise rpc.fault(500, "Unexpected error (result)")
        rpc.struct(key=item[0], val=item[1])
