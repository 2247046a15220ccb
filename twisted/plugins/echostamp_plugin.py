"""Tell twistd and twist that EchoStamp's daemon exists."""

from twisted.application.service import ServiceMaker

serviceMaker = ServiceMaker(
    "EchoStamp",
    "echostamp.daemon.service",
    "Send each line back with the time at which it came.",
    "echostamp",
)
