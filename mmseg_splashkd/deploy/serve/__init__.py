"""A small page over HTTP for the pictures and videos of one model."""

from mmseg_splashkd.extras import import_extra

# Here, because all modules of this folder need them, and nothing else imports these.
for _name in ("fastapi", "uvicorn", "python_multipart"):
    import_extra(_name, "pages over HTTP", "serve")
