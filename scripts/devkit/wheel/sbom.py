"""A CycloneDX list of what is inside a bundled wheel (PEP 770), from the pins.

It is a template: CMake puts in what only it knows (`@...@`), and no date or serial
number, so that the same build gives the same bytes.
"""

from __future__ import annotations

import json
from typing import Any

from . import pins
from .toolchain import Toolchain

SELF = "pkg:pypi/pyremctl@@SKBUILD_PROJECT_VERSION_FULL@"


def _library(pin: pins.Pin) -> dict[str, Any]:
    named = pin.license.startswith("LicenseRef-")
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"{pin.name}@{pin.version}",
        "name": pin.name,
        "version": pin.version,
        "purl": f"pkg:generic/{pin.name}@{pin.version}?download_url={pin.url}",
        "cpe": pin.cpe,
        "licenses": [{"license": {"name" if named else "id": pin.license}}],
        "hashes": [{"alg": "SHA-256", "content": pin.sha256}],
        "externalReferences": [
            {"type": "website", "url": pin.homepage},
            {"type": "source-distribution", "url": pin.url},
        ],
    }
    if pin.patches:
        issues = [{"type": "security", "id": name} for name in pin.fixes]
        component["pedigree"] = {
            "patches": [{"type": "backport", "resolves": issues}],
            "notes": f"patched: {', '.join(pin.patches)} (in cmake/patches of the sdist)",
        }
    return component


def _vulnerabilities(pin: pins.Pin) -> list[dict[str, Any]]:
    """What is known of published vulnerabilities, in the words of CycloneDX."""
    patched = dict.fromkeys(pin.fixes, f"mended by {', '.join(pin.patches)}")
    states = [
        ("resolved_with_pedigree", patched),
        ("not_affected", pin.not_affected),
        ("exploitable", pin.accepted),
    ]
    return [
        {
            "id": cve,
            "analysis": {"state": state, "detail": reason},
            "affects": [{"ref": f"{pin.name}@{pin.version}"}],
        }
        for state, answers in states
        for cve, reason in answers.items()
    ]


def _compiled_in(tools: Toolchain) -> list[dict[str, Any]]:
    """What the compiler adds: pybind11's headers, and zig's static C++ library."""
    components: list[dict[str, Any]] = [
        {
            "type": "library",
            "bom-ref": "pybind11",
            "name": "pybind11",
            "version": "@pybind11_VERSION@",
            "purl": "pkg:pypi/pybind11@@pybind11_VERSION@",
            "licenses": [{"license": {"id": "BSD-3-Clause"}}],
        }
    ]
    if tools.version.startswith("zig"):
        components.append(
            {
                "type": "library",
                "bom-ref": "libcxx",
                "name": "libcxx",
                "version": "@CMAKE_CXX_COMPILER_VERSION@",
                "description": f"LLVM's C++ library, linked statically by {tools.version}",
                "licenses": [{"expression": "Apache-2.0 WITH LLVM-exception"}],
            }
        )
    return components


def template(tools: Toolchain) -> str:
    """The SBOM of a wheel built with these tools, for CMake to fill in."""
    components = [_library(pin) for pin in pins.bundled()] + _compiled_in(tools)
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": SELF,
                "name": "pyremctl",
                "version": "@SKBUILD_PROJECT_VERSION_FULL@",
                "purl": SELF,
                "licenses": [{"license": {"id": "MIT"}}],
            }
        },
        "components": components,
        "vulnerabilities": [one for pin in pins.bundled() for one in _vulnerabilities(pin)],
        "dependencies": [
            {"ref": SELF, "dependsOn": [part["bom-ref"] for part in components]},
            {"ref": components[2]["bom-ref"], "dependsOn": [components[1]["bom-ref"]]},
            {"ref": components[1]["bom-ref"], "dependsOn": [components[0]["bom-ref"]]},
        ],
    }
    return json.dumps(bom, indent=2) + "\n"
