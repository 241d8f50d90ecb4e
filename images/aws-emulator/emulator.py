"""LocalStack with a memory: what its services hold survives a restart of the container.

The community edition defines how the state of a service is visited and pickled, but leaves saving it to the paid one.
This does both for the services of KEPT: objects of S3 are files from the start, everything else is written at most
SAVE_SECONDS after the request that changed it, and read back before the first request of the service is served.
Lost are uploads in parts that were under way, metric values, and mail that was not collected.
"""

import hashlib
import io
import logging
import os
import shutil
import threading
import time

from alarms import evaluate_each_period
from localstack.aws import handlers
from localstack.runtime import events, main
from localstack.runtime.runtime import LocalstackRuntime
from localstack.services.plugins import SERVICE_PLUGINS, ServiceContainer
from localstack.services.s3.storage import ephemeral
from localstack.services.stores import AccountRegionBundle
from localstack.state import AssetDirectory, StateVisitor, pickle

LOG = logging.getLogger("localstack.emulator")
FOLDER = os.environ.get("EMULATOR_STATE", "/var/lib/localstack/kept")
KEPT = ("s3", "iam", "sns", "cloudwatch", "events", "scheduler", "logs")
SAVE_SECONDS = 1
ATTEMPTS = 10
READS = ("Get", "List", "Describe", "Head", "Lookup", "Filter", "Test")
# Parts of a store that it shares with its neighbours: filled in place, never exchanged.
SHARED = ("_global", "_universal")


class ObjectFile(ephemeral.LockedFileMixin, io.FileIO):
    """An object's bytes in a file that keeps its name, where LocalStack has an anonymous one."""


class KeptObjects(ephemeral.EphemeralS3ObjectStore):
    def __init__(self, _root=None):
        super().__init__(os.path.join(FOLDER, "objects"))

    @staticmethod
    def _key_from_s3_object(s3_object):
        name = f"{s3_object.key}?{s3_object.version_id or 'null'}"
        return hashlib.sha256(name.encode()).hexdigest()

    def _path(self, bucket, s3_object):
        return os.path.join(self.root_directory, bucket, self._key_from_s3_object(s3_object))

    def open(self, bucket, s3_object, mode="r"):
        files = self._filesystem[bucket]["keys"]
        key = self._key_from_s3_object(s3_object)
        if key not in files:
            path = self._path(bucket, s3_object)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            files[key] = ObjectFile(path, "r+" if os.path.exists(path) else "w+")
        return ephemeral.EphemeralS3StoredObject(s3_object=s3_object, file=files[key], mode=mode)

    def remove(self, bucket, s3_object):
        super().remove(bucket, s3_object)
        for one in s3_object if isinstance(s3_object, list) else [s3_object]:
            if os.path.exists(path := self._path(bucket, one)):
                os.unlink(path)

    def delete_bucket(self, bucket):
        self._filesystem.pop(bucket, None)
        shutil.rmtree(os.path.join(self.root_directory, bucket), ignore_errors=True)


class Stores(StateVisitor):
    """Collects the stores of a service by kind, account and region."""

    def __init__(self, service):
        self.found = {}
        service.accept_state_visitor(self)

    def visit(self, container):
        if isinstance(container, AssetDirectory):
            return
        for account, regions in container.items():
            for region, store in regions.items():
                self.found[type(container).__name__, account, region] = store
        self.found[type(container).__name__,] = container

    def at(self, place):
        if place in self.found:
            return self.found[place]
        kind, account, region = place
        return self.found[kind,][account][region]


def save(name):
    stores = Stores(SERVICE_PLUGINS.get_service(name)).found
    path = os.path.join(FOLDER, f"{name}.state")
    os.makedirs(FOLDER, exist_ok=True)
    with open(f"{path}.new", "wb") as file:
        pickle.dump({place: vars(store) for place, store in stores.items() if len(place) == 3}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.new", path)


def restore(service):
    path = os.path.join(FOLDER, f"{service.name()}.state")
    if service.name() not in KEPT or not os.path.exists(path):
        return
    service.lifecycle_hook.on_before_state_load()
    stores = Stores(service)
    with open(path, "rb") as file:
        saved = pickle.load(file)
    for place, fields in saved.items():
        own = vars(stores.at(place))
        for key, value in fields.items():
            if key in SHARED and isinstance(own.get(key), dict):
                own[key].update(value)
            else:
                own[key] = value
    service.lifecycle_hook.on_after_state_load()


class Saver:
    """Saves the services that a request changed, and all that are due at the end."""

    def __init__(self):
        self.due = set()
        self.wake = threading.Event()
        self.lock = threading.RLock()

    def note(self, _chain, context, _response):
        if context.service is None or context.operation is None:
            return
        name = context.service.service_name
        if name in KEPT and not context.operation.name.startswith(READS):
            self.due.add(name)
            self.wake.set()

    def run(self):
        while True:
            self.wake.wait()
            time.sleep(SAVE_SECONDS)
            self.wake.clear()
            self.flush()

    def flush(self):
        with self.lock:
            while self.due:
                self.keep(self.due.pop())

    @staticmethod
    def keep(name):
        for attempt in range(ATTEMPTS):
            try:
                return save(name)
            except Exception as error:
                # A request may change a store while it is written.
                if attempt == ATTEMPTS - 1:
                    LOG.warning("the state of %s is not saved and would not survive a restart: %s", name, error)
                time.sleep(0.05)


def remember():
    """Puts the parts in place; to be called before LocalStack starts."""
    # Restarting the alarms asks about every region there is, and each one that is switched off would be a line.
    logging.getLogger("localstack.aws.handlers.region").setLevel(logging.ERROR)
    # It keeps an alarm's tags with the alarm, and says with every look at it that CloudWatch does not.
    logging.getLogger("localstack.aws.protocol.serializer").setLevel(logging.ERROR)
    ephemeral.EphemeralS3ObjectStore = KeptObjects
    start = ServiceContainer.start

    def start_with_memory(container):
        started = start(container)
        if started:
            try:
                restore(container.service)
            except Exception as error:
                LOG.error("the saved state of %s cannot be read: %s", container.service.name(), error)
        return started

    ServiceContainer.start = start_with_memory
    saver = Saver()
    handlers.run_custom_finalizers.append(saver.note)
    threading.Thread(target=saver.run, name="saver", daemon=True).start()

    leave = LocalstackRuntime.exit

    def leave_with_memory(runtime, code=0):
        # Before the services stop: that takes longer than a container is given.
        saver.flush()
        return leave(runtime, code)

    LocalstackRuntime.exit = leave_with_memory

    def wake_alarms():
        events.infra_ready.wait()
        # Alarms are evaluated without anybody asking.
        if os.path.exists(os.path.join(FOLDER, "cloudwatch.state")):
            SERVICE_PLUGINS.require("cloudwatch")

    threading.Thread(target=wake_alarms, name="alarms", daemon=True).start()


if __name__ == "__main__":
    evaluate_each_period()
    remember()
    main.main()
