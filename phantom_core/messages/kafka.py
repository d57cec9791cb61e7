"""Kafka: topics on a broker, keyed by session: its events stay in order and with one worker."""

import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka import Message as KafkaMessage

from phantom_core.core.errors import BusyError, NotFoundError, UnavailableError
from phantom_core.messages.topic import KINDS, Message, Outgoing

GROUP: Final = "phantom-lake"
_DELIVERY_S: Final = 8.0
_ANSWER_S: Final = 5.0
_PAUSE_S: Final = 0.1
_PROBE_S: Final = 1.0
_ASK_AGAIN_S: Final = 2.0
_LOGGER: Final = logging.getLogger(__name__)
_HINT: Final = "Check PHANTOM_KAFKA_BOOTSTRAP and the brokers."
# A broker that is being restarted, or a topic without messages yet: the client retries by itself.
_TRANSIENT: Final = frozenset(
    {
        KafkaError._PARTITION_EOF,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
    }
)
# A producer that reports one of these never delivers again.
_FENCED: Final = frozenset(
    {
        KafkaError._FATAL,
        KafkaError._FENCED,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
    }
)


class KafkaSink:
    """Stores messages in Kafka; safe means that all in-sync replicas have them.

    Args:
        bootstrap: host:port, separated by commas.
        options: more properties of librdkafka, as for TLS and passwords.
        make_producer: returns a producer for such properties.
    """

    def __init__(
        self,
        bootstrap: str,
        options: Mapping[str, str],
        make_producer: Callable[[dict[str, object]], Producer] = Producer,
    ) -> None:
        self._make_producer = make_producer
        self._options: dict[str, object] = {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 2,
            "message.timeout.ms": int(_DELIVERY_S * 1_000),
            # As the clients of other languages do, so that a session has one partition whoever
            # sends its events.
            "partitioner": "murmur2_random",
            "logger": _LOGGER,
            "error_cb": self._reported,
            **options,
        }
        self._is_fatal, self._failure = False, "no broker has answered yet"
        self._tried_s = -_ASK_AGAIN_S
        self._producer = make_producer(self._options)

    def append(self, topic: str, messages: Sequence[Outgoing]) -> None:
        """Send messages and wait for the report of each.

        Raises:
            BusyError: the client's queue is full.
            UnavailableError: not all of them were delivered.
        """
        failures: list[str] = []
        missing = len(messages)

        def delivered(error: KafkaError | None, _: KafkaMessage) -> None:
            nonlocal missing
            missing -= 1
            if error is not None:
                self._reported(error)
                failures.append(error.str())

        self._replace_fenced()
        for message in messages:
            try:
                self._producer.produce(
                    topic,
                    key=message.key.encode(),
                    value=message.value.encode(),
                    on_delivery=delivered,
                )
            except BufferError as error:
                self._producer.flush(_DELIVERY_S)
                raise BusyError(
                    "The queue to Kafka is full.", hint="Try again in a moment."
                ) from error
            except KafkaException as error:
                self._reported(error.args[0])
                failures.append(error.args[0].str())
                missing -= 1
        self._producer.flush(_DELIVERY_S + 2)
        self._failure = ""
        if failures or missing:
            reason = failures[0] if failures else "no delivery report came in time"
            self._failure = reason
            raise UnavailableError(
                f"Kafka did not take {max(missing, len(failures)):,} messages: {reason}.",
                hint=_HINT,
            )

    def state(self) -> str:
        """Whether messages can be delivered."""
        return "unavailable" if self.problem() else "connected"

    def problem(self) -> str:
        """Why messages would not be delivered; brokers are asked at first and after failures."""
        if self._failure and time.monotonic() - self._tried_s >= _ASK_AGAIN_S:
            self._tried_s = time.monotonic()
            try:
                self._producer.list_topics(timeout=_PROBE_S)
                self._failure = ""
            except KafkaException as error:
                self._failure = error.args[0].str()
        return f"Kafka does not take messages: {self._failure}." if self._failure else ""

    def _reported(self, error: KafkaError) -> None:
        """Note an error after which a producer refuses everything, whatever the brokers do."""
        self._is_fatal = self._is_fatal or error.fatal() or error.code() in _FENCED

    def _replace_fenced(self) -> None:
        if not self._is_fatal:
            return
        _LOGGER.warning("The producer failed for good; another one takes its place.")
        self._producer.purge()
        self._producer.flush(0)
        self._is_fatal = False
        self._producer = self._make_producer(self._options)

    def close(self) -> None:
        """Wait for the delivery of all messages."""
        self._producer.flush(_DELIVERY_S)


class KafkaReader:
    """Reads both topics as one of a group of workers.

    Args:
        bootstrap: host:port, separated by commas.
        options: more properties of librdkafka.
        before_leaving: called before partitions move to another worker, while polled messages
            can still be committed.
        after_loss: called after partitions were lost.
    """

    def __init__(
        self,
        bootstrap: str,
        options: Mapping[str, str],
        before_leaving: Callable[[], None],
        after_loss: Callable[[], None],
    ) -> None:
        self._before_leaving, self._after_loss = before_leaving, after_loss
        self._next: dict[tuple[str, int], int] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": GROUP,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "topic.metadata.refresh.interval.ms": 5_000,
                "logger": _LOGGER,
                **options,
            }
        )
        self._consumer.subscribe(list(KINDS), on_revoke=self._revoked, on_lost=self._lost)

    def poll(self, most: int, timeout_s: float) -> list[Message]:
        """The next messages.

        Raises:
            UnavailableError: the broker rejects this worker, for instance for a wrong password.
        """
        found = []
        try:
            received = self._consumer.consume(most, timeout_s)
        except KafkaException as error:
            raise UnavailableError(
                f"Kafka cannot be read: {error.args[0].str()}.", hint=_HINT
            ) from error
        for message in received:
            topic, partition, offset, failure = (
                message.topic(),
                message.partition(),
                message.offset(),
                message.error(),
            )
            if failure is not None and failure.code() not in _TRANSIENT:
                raise UnavailableError(f"Kafka cannot be read: {failure.str()}.", hint=_HINT)
            if (
                failure is None
                and topic is not None
                and partition is not None
                and offset is not None
            ):
                self._next[topic, partition] = offset + 1
                found.append(Message(topic, str(partition), offset, message.value() or b""))
        return found

    def commit(self) -> None:
        """Commit offsets; after a failure, messages are read again and found to be duplicates."""
        if not self._next:
            return
        offsets = [
            TopicPartition(topic, partition, offset)
            for (topic, partition), offset in self._next.items()
        ]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            _LOGGER.warning(
                "Offsets were not committed, so messages will be read again: %s",
                error.args[0].str(),
            )
            return
        self._next.clear()

    def lag(self) -> Mapping[tuple[str, str], int]:
        """Messages that were not polled yet, by topic and partition, as last reported."""
        found = {}
        try:
            for place in self._consumer.position(self._consumer.assignment()):
                _, high = self._consumer.get_watermark_offsets(place, cached=True)
                if place.offset != OFFSET_INVALID and high >= 0:
                    found[place.topic, str(place.partition)] = max(0, high - place.offset)
        except KafkaException as error:
            _LOGGER.debug("The lag is unknown: %s", error)
        return found

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _revoked(self, _: Consumer, places: list[TopicPartition]) -> None:
        self._before_leaving()
        self._forget(places)

    def _lost(self, _: Consumer, places: list[TopicPartition]) -> None:
        self._forget(places)
        self._after_loss()

    def _forget(self, places: list[TopicPartition]) -> None:
        for place in places:
            self._next.pop((place.topic, place.partition), None)


def last_messages(bootstrap: str, options: Mapping[str, str], topic: str, most: int) -> list[bytes]:
    """The newest messages of a topic, the oldest of them first.

    Raises:
        NotFoundError: no such topic.
        UnavailableError: the broker does not answer.
    """
    if topic not in KINDS:
        raise NotFoundError(
            f"There is no topic '{topic}'.", hint=f"There are {' and '.join(KINDS)}."
        )
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"phantom-dump-{uuid.uuid4().hex}",
            "enable.auto.commit": False,
            "logger": _LOGGER,
            "enable.partition.eof": True,
            **options,
        }
    )
    try:
        found = _tail(consumer, topic, most)
    except KafkaException as error:
        raise UnavailableError(
            f"Kafka cannot be read: {error.args[0].str()}.", hint=_HINT
        ) from error
    finally:
        consumer.close()
    found.sort(key=lambda message: message.timestamp()[1])
    return [message.value() or b"" for message in found[-most:]]


def _tail(consumer: Consumer, topic: str, most: int) -> list[KafkaMessage]:
    partitions = consumer.list_topics(topic, _ANSWER_S).topics[topic].partitions
    ends = {
        partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), _ANSWER_S)
        for partition in partitions
    }
    places = [
        TopicPartition(topic, partition, max(low, high - most))
        for partition, (low, high) in ends.items()
        if high > low
    ]
    wanted = {place.partition: ends[place.partition][1] for place in places}
    found: list[KafkaMessage] = []
    if not places:
        return found
    consumer.assign(places)
    until_s = time.monotonic() + _ANSWER_S
    while wanted and time.monotonic() < until_s:
        for message in consumer.consume(1_000, _PAUSE_S):
            partition, offset, error = message.partition(), message.offset(), message.error()
            if error is None:
                found.append(message)
            if partition is not None and (
                (error is not None)
                or (offset is not None and offset + 1 >= wanted.get(partition, 0))
            ):
                wanted.pop(partition, None)
    return found
