"""Random transforms of images whose draws come from the caller's generators.

`geometry`: maps of the plane and resampling, for an image, its mask and its landmarks with one draw; `ffd`: free-form
deformations and where they fold; `colour`: grey levels and channels; `imaging`: what cameras, ultrasound, MR and CT do to the
quantity that each of them measures.
"""
