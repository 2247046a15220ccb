"""Tell twistd and twist that EchoStamp's daemon exists."""

from twisted.application.service import ServiceMaker

serviceMaker = ServiceMaker(
    "EchoStamp",
    "echostamp.daemon.service",
    "Send every line back with the time of its arrival in front.",
    "echostamp",
)
