"""Training pictures for the Parental Advisory label detector, composed since no labels are public.

A cover and a seed give one picture and the boxes of the labels on it:
:func:`covergenre.composer.compose.compose`.
"""
