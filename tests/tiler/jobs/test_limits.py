"""Jobs and copies end when they take more time or memory than they may, and say so."""

from pathlib import Path

from helpers.rasters.large_scene import write_scene
from helpers.service import MakeService, problem, send, services_of, wait

EXECUTION = "/processes/translate/execution"


def test_a_job_that_takes_too_long_ends_and_leaves_nothing(make_service: MakeService, tmp_path: Path) -> None:
    with make_service(job_seconds=3600) as client:
        scene = send(client, write_scene(tmp_path / "large_VV.tif"))
    with make_service(job_seconds=0.3) as client:
        order = {"inputs": {"scene": scene["id"]}}
        job = client.post(EXECUTION, json=order, headers={"prefer": "respond-async"}).json()["jobID"]
        done = wait(client, f"/jobs/{job}", lambda answer: answer["status"] not in {"accepted", "running"})
        assert done["status"] == "failed"
        assert "longer than 0.3 s" in done["message"]
        assert not services_of(client).store.job(job).exists()


def test_a_copy_that_needs_too_much_memory_fails_and_says_so(make_service: MakeService, scene_file: Path) -> None:
    with make_service(job_memory_bytes=64 * 2**20) as client:
        scene = send(client, scene_file)
        assert scene["display"]["state"] == "failed"
        assert "memory" in scene["display"]["message"]
        order = {"inputs": {"scene": scene["id"]}}
        assert "memory" in problem(client.post(EXECUTION, json=order), 422)
        assert client.get("/healthz").status_code == 200
