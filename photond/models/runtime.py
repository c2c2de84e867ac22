"""onnxruntime, with its telemetry off.

The official Linux builds (seen in 1.32) report to their maker by default: they write a device id to
`~/.cache/Microsoft/DeveloperTools` and have an address to send events to. `ORT_DISABLE_TELEMETRY`, set
before the library is loaded, is their full opt-out. photond promises that nothing is sent anywhere, so
everything imports onnxruntime from here.
"""

import os
from types import ModuleType

from photond.errors import ModelError
from photond.models import processor

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# The library would end the process, and nobody would know why.
if _danger := processor.danger():
    raise ModelError(f"onnxruntime may crash: {_danger}", processor.REMEDY)

import onnxruntime

# Where the variable came too late, because something else in the process had loaded the library.
onnxruntime.disable_telemetry_events()

__all__ = ["load_quantizer", "onnxruntime"]


def load_quantizer() -> ModuleType:
    """The quantiser that comes with onnxruntime.

    Raises:
        ImportError: The packages of the extra `quantize` are not installed.
    """
    import onnxruntime.quantization  # noqa: PLC0415 - few have what it needs, and it loads slowly

    quantizer: ModuleType = onnxruntime.quantization
    return quantizer
