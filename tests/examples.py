"""How many examples hypothesis draws where one takes long: a share in the fast suite, or all of them."""

import os

SHARE, FEWEST = 4, 3


def examples(all_of_them: int) -> int:
    if os.environ.get("VFE_THOROUGH"):
        return all_of_them
    return min(all_of_them, max(all_of_them // SHARE, FEWEST))
