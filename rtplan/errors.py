"""What rtplan raises.

    RtplanError                 everything rtplan raises on purpose
    ├── InputError              the command or its input is unusable (exit code 2)
    │   └── AmbiguousError      several readings of the input; the message lists the choices
    ├── DicomError              a DICOM object cannot be read as what it claims to be
    ├── GeometryError           contours or grids that describe no usable geometry
    ├── DoseError               a dose that cannot be used
    ├── DVHError                a metric that is not a metric
    ├── ProtocolError           a definition, limit or facts file that is wrong
    └── NamingError             a name that matches nothing, or more than one thing

Form of a message: what was wrong, what was found, what was expected, where; and the way out.
No message holds a patient's name or ID.
"""


class RtplanError(Exception):
    """Everything rtplan raises on purpose; the text is fit for the user."""


class InputError(RtplanError):
    """The command or its input is unusable; the text says how to mend it."""


class AmbiguousError(InputError):
    """The input can be read in several ways; the text lists the choices and how to choose."""


class DicomError(RtplanError):
    """A DICOM object cannot be read as what it claims to be."""


class GeometryError(RtplanError):
    """Contours or grids that describe no usable geometry."""


class DoseError(RtplanError):
    """A dose that cannot be used."""


class DVHError(RtplanError):
    """A dose-volume metric that cannot be parsed or makes no sense."""


class ProtocolError(RtplanError):
    """A definition, limit or facts file that is wrong: names file, key and value."""


class NamingError(RtplanError):
    """A structure name that matches nothing, or more than one thing."""
