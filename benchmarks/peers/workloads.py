"""What is asked of the servers."""

from enum import StrEnum


class Workload(StrEnum):
    """A kind of request, measured on its own. They are measured in this order: the one that writes comes last."""

    W1 = "W1"
    W2 = "W2"
    W3 = "W3"
    W5 = "W5"
    W6 = "W6"
    FIRST = "first"
    DEEP = "deep"
    W4 = "W4"


MEANING = {
    Workload.W1: "one contact with its company",
    Workload.W2: "page of 100 contacts with company, 3 deals, 3 activities each",
    Workload.W3: "1,000 contacts, flat",
    Workload.W4: "create a contact",
    Workload.W5: "deals by stage, count and sums",
    Workload.W6: "__typename",
    Workload.FIRST: "the first page of all contacts",
    Workload.DEEP: "a page after nine tenths of all contacts",
}
COMPARED = (Workload.W1, Workload.W2, Workload.W3, Workload.W5)  # whose answers must be equal
OURS = (Workload.FIRST, Workload.DEEP)  # that are asked of Payvand alone, on one connection
