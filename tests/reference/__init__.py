"""What the engine must derive, written a second time: plain, slow, as close to the rules' words as can be.

``reference`` takes all samples of one asset in any order and gives the content of its visits, crossings,
trips and stops. It shares no code with the engine but the geometry (``geofences``) and the constants. Each
function here is one rule; its docstring is the rule.
"""

from tests.reference.derive import derive, reference
from tests.reference.places import Places
from tests.reference.values import Object, Sample

__all__ = ["Object", "Places", "Sample", "derive", "reference"]
