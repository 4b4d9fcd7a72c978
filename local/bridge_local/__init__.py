"""AWS on this machine: an emulator, the bridge deployed into it, and a model to talk to.

What runs, and who starts whom::

    bridge local up ──► daemon ──► emulator      MiniStack, on 127.0.0.1; it runs the functions
       (deploys)          │   └──► model server  a tiny language model, where there is no key for Claude
                          └─ feeder              takes messages from the queue to the answer function

The daemon outlives `up`, restarts what dies, and stops on `bridge local down`. Everything it keeps lies in
one folder (`places`), so that a second local AWS needs no more than another folder and another port.
"""
