"""What the tests of the page need."""

import pytest

for _name in ("fastapi", "uvicorn", "python_multipart", "httpx"):
    pytest.importorskip(_name, reason="no page: pip install -e '.[serve,dev]'")
for _name in ("onnx", "onnxruntime"):
    pytest.importorskip(_name, reason="no engine: pip install -e '.[deploy]'")
