"""Published effective masses of the polarised electron gas in the plane, theta = 0.15, twist 1/4.

S / S_0 of 29 and of 49 electrons, Xie, Zhang & Wang, SciPost Phys. 14, 154 (2023): means of the last 300
steps of the published logs, with blocking errors. (electrons, r_s) -> m*/m and its error.
"""

ENTROPY_RATIOS = {
    (29, 0.25): (0.9508, 0.0019),
    (29, 0.5): (0.8857, 0.0028),
    (29, 1.0): (0.8082, 0.0033),
    (29, 3.0): (0.6630, 0.0008),
    (29, 5.0): (0.5417, 0.0020),
    (29, 10.0): (0.3874, 0.0025),
    (49, 0.25): (0.9840, 0.0038),
    (49, 0.5): (0.9336, 0.0029),
    (49, 1.0): (0.8704, 0.0036),
    (49, 3.0): (0.6298, 0.0025),
    (49, 5.0): (0.5558, 0.0010),
    (49, 10.0): (0.4088, 0.0007),
}
