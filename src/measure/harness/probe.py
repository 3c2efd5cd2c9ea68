"""Says what an interpreter is, and which packages it finds, as JSON. Run with `-B`, with the code's folder as argument."""

import importlib.util
import json
import os
import site
import sys
import sysconfig


def version(name):
    """The version of a distribution; empty if it is there without one; None if it is not."""
    module = {"awslambdaric": "awslambdaric", "memray": "memray", "functions-framework": "functions_framework"}[name]
    try:
        if importlib.util.find_spec(module) is None:
            return None
    except (ImportError, ValueError):
        return None
    try:
        from importlib import metadata

        return metadata.version(name)
    except Exception:
        return ""


def main():
    sys.path[0] = sys.argv[1]
    user = None
    if site.ENABLE_USER_SITE and os.path.isdir(site.getusersitepackages()):
        user = site.getuserbase()
    json.dump(
        {
            "version": list(sys.version_info[:3]),
            "executable": sys.executable,
            "prefix": sys.prefix,
            "base_prefix": sys.base_prefix,
            "tag": "%s-%s" % (sys.implementation.cache_tag, sysconfig.get_platform()),
            "folders": [path for path in sys.path[1:] if path],
            "libraries": [path for path in (sysconfig.get_config_var("LIBDIR"),) if path],
            "user_base": user,
            "awslambdaric": version("awslambdaric"),
            "memray": version("memray"),
            "functions_framework": version("functions-framework"),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
