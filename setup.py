"""ColorCUT is run in place (`python train.py`): installing it brings its dependencies and no packages.

Top-level packages called `models`, `data` or `util` would collide with every other project of this layout.
"""

from setuptools import setup

VISDOM = [
    "visdom==0.2.4",  # 0.3 checks passwords and serves its page differently
    "tornado<6.6",  # from 6.6 on visdom's page answers 403
]
FID = ["torch-fidelity>=0.3"]  # its weights are not downloaded: evaluate.py --fid_weights FILE
FIGURES = ["matplotlib>=3.8"]
TENSORBOARD = ["tensorboard>=2.15"]
VIDEO = ["av>=14"]
APP = ["gradio>=6.24"]
EXPORT = ["torch>=2.11", "onnx>=1.17", "onnxscript>=0.5", "onnxruntime>=1.20"]
TOOLS = ["pytest>=8", "pytest-xdist>=3.2", "ruff==0.17.*", "selenium>=4.20", "pyexiv2>=2.12", "hypothesis>=6.100"]
TEST = [*TOOLS, *FID, *FIGURES, *TENSORBOARD, *VIDEO, *EXPORT, *APP]

setup(
    name="colorcut",
    version="0.1.0",
    description="Unpaired colorization in the style of a folder of images: CUT with losses made for color",
    license="BSD-2-Clause",
    python_requires=">=3.10",
    packages=[],
    py_modules=[],
    install_requires=[
        "torch>=2.6",
        "numpy>=1.26",
        "pillow>=10.3",
        "scikit-image>=0.22",
        "scipy>=1.11",
        "pyvips[binary]>=3.0",
        "dominate>=2.8",
        "tqdm>=4.66",
    ],
    extras_require={
        "monitor": VISDOM,
        "fid": FID,
        "tensorboard": TENSORBOARD,
        "figures": FIGURES,
        "video": VIDEO,
        "export": EXPORT,
        "app": APP,
        "test": TEST,
        "dev": TEST + VISDOM,
    },
)
