"""The Kubernetes manifest: its fields, and whether they agree with image and daemon."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from echostamp.daemon.options import Options

DEPLOY = Path(__file__).parents[1] / "deploy"

#: The fields of apps/v1 Deployment and v1 Service that the manifest uses, as the
#: references of Kubernetes 1.25 to 1.37 have them.
POD = "spec.template.spec"
CONTAINER = f"{POD}.containers"
FIELDS = {
    "Deployment": {
        *("apiVersion", "kind", "metadata.name", "spec.replicas"),
        *("spec.selector.matchLabels.app", "spec.template.metadata.labels.app"),
        f"{POD}.terminationGracePeriodSeconds",
        f"{POD}.automountServiceAccountToken",
        *(
            f"{POD}.securityContext.runAs{each}"
            for each in ("NonRoot", "User", "Group")
        ),
        f"{POD}.securityContext.seccompProfile.type",
        *(f"{CONTAINER}.{each}" for each in ("name", "image", "args")),
        *(
            f"{CONTAINER}.ports.{each}"
            for each in ("name", "containerPort", "protocol")
        ),
        *(
            f"{CONTAINER}.{probe}.{each}"
            for probe in ("readinessProbe", "livenessProbe")
            for each in ("tcpSocket.port", "periodSeconds")
        ),
        f"{CONTAINER}.lifecycle.preStop.exec.command",
        *(f"{CONTAINER}.resources.requests.{each}" for each in ("cpu", "memory")),
        f"{CONTAINER}.resources.limits.memory",
        f"{CONTAINER}.securityContext.allowPrivilegeEscalation",
        f"{CONTAINER}.securityContext.readOnlyRootFilesystem",
        f"{CONTAINER}.securityContext.capabilities.drop",
    },
    "Service": {
        *("apiVersion", "kind", "metadata.name", "spec.selector.app"),
        *(f"spec.ports.{each}" for each in ("name", "port", "targetPort", "protocol")),
    },
}


def fields(value: Any, path: str = "") -> Iterator[str]:
    """
    Find the paths of all fields of a document, without the places in lists.
    """
    if isinstance(value, dict):
        for name, each in value.items():
            yield from fields(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for each in value:
            yield from fields(each, path)
    else:
        yield path


class ManifestTests(SynchronousTestCase):
    """
    C{deploy/kubernetes/echostamp.yaml}.
    """

    def setUp(self) -> None:
        """Read it, and the options that it gives the daemon."""
        text = (DEPLOY / "kubernetes" / "echostamp.yaml").read_text()
        self.deployment, self.service = self.documents = [*yaml.safe_load_all(text)]
        self.template = self.deployment["spec"]["template"]
        self.pod = self.template["spec"]
        [self.container] = self.pod["containers"]
        self.options = Options()
        self.options.parseOptions(self.container["args"])

    def ports(self) -> dict[str, Any]:
        """Give the protocol and number of the container's ports, by their names."""
        return {
            each["name"]: (each.get("protocol", "TCP"), each["containerPort"])
            for each in self.container["ports"]
        }

    def test_fields(self) -> None:
        """Each field is where Kubernetes has it."""
        self.assertEqual(
            {each["kind"]: {*fields(each)} for each in self.documents}, FIELDS
        )

    def test_labels(self) -> None:
        """The Deployment and the Service select the pods that the template makes."""
        labels = self.template["metadata"]["labels"]
        self.assertEqual(self.deployment["spec"]["selector"], {"matchLabels": labels})
        self.assertEqual(self.service["spec"]["selector"], labels)

    def test_ports(self) -> None:
        """The daemon listens on the container's ports.  The Service leads to them, and
        has the line protocol's and STAMP's own numbers."""
        ports = self.ports()
        self.assertEqual(self.options.endpoints, [f"tcp:{ports['echo'][1]}"])
        [reflector] = {port for _, port in self.options.reflectors}
        self.assertEqual(ports["stamp"], ("UDP", reflector))
        shown = {}
        for each in self.service["spec"]["ports"]:
            protocol, _ = ports[each["targetPort"]]
            self.assertEqual(each.get("protocol", "TCP"), protocol)
            shown[protocol] = each["port"]
        self.assertEqual(shown, {"TCP": 8002, "UDP": 862})

    def test_probes(self) -> None:
        """Both probes connect to the line protocol's port, and start no process."""
        for name in "readinessProbe", "livenessProbe":
            probe = self.container[name]
            self.assertEqual(probe.pop("tcpSocket"), {"port": "echo"})
            self.assertEqual(list(probe), ["periodSeconds"])

    def test_stop(self) -> None:
        """The kubelet kills only after the hook and C{--grace} are over."""
        sleep, seconds = self.container["lifecycle"]["preStop"]["exec"]["command"]
        self.assertEqual(sleep, "sleep")
        needed = int(seconds) + self.options.grace
        self.assertGreater(self.pod["terminationGracePeriodSeconds"], needed)

    def test_user(self) -> None:
        """The pod's user is the image's, which is not root, and has no privileges."""
        containerfile = (DEPLOY / "container" / "Containerfile").read_text()
        found = re.search(r"^USER (\d+):(\d+)$", containerfile, re.MULTILINE)
        assert found
        pod, own = self.pod["securityContext"], self.container["securityContext"]
        user = pod["runAsUser"], pod["runAsGroup"]
        self.assertEqual(user, tuple(map(int, found.groups())))
        self.assertTrue(pod["runAsNonRoot"] and own["readOnlyRootFilesystem"])
        self.assertFalse(own["allowPrivilegeEscalation"])
        self.assertEqual(own["capabilities"], {"drop": ["ALL"]})

    def test_resources(self) -> None:
        """It says what it needs, and how much memory it may have."""
        found = self.container["resources"]
        self.assertEqual(set(found["requests"]), {"cpu", "memory"})
        self.assertEqual(set(found["limits"]), {"memory"})
